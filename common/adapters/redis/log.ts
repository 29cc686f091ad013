import { randomBytes } from 'node:crypto'
import { messageOf } from '../../errors.ts'
import { compareIds, type Entry, type EntryId, type Log, type ReadOptions } from '../../ports.ts'
import type { RedisConnection } from './connection.ts'
import { Lane } from './lane.ts'
import { afterText, entryOf, fieldOf, idText, parseId, type RawEntry } from './streams.ts'

export interface RedisLogOptions {
  redis: RedisConnection
}

const DEFAULT_LIMIT = 1000
/** Logs whose reader is remembered to be at the end; when there are more, all are forgotten and looked at again. */
const KNOWN_TAILS = 10_000
const SWEEP_MS = 5000

/** A log is a Redis Stream. Redis itself refuses an id that is not above the newest ever written. */
export function openRedisLog({ redis }: RedisLogOptions): Log {
  /** Written beside each body, so that an entry is known for ours when the answer to its writing was lost. */
  const writer = randomBytes(6)
  const lanes = new Map<string, Lane>()
  const tails = new Map<string, EntryId>()
  let closing: Promise<unknown> | undefined

  /** On one Redis all who wait share a connection; in a cluster those of one slot, which are those of one space. */
  const laneOf = (key: string): Lane => {
    const name = redis.cluster ? (/\{([^}]+)\}/.exec(key)?.[1] ?? key) : ''
    let lane = lanes.get(name)
    if (!lane) lanes.set(name, (lane = new Lane({ open: () => redis.blocking(key) })))
    return lane
  }
  const sweeper = setInterval(() => {
    for (const [name, lane] of lanes) {
      if (lane.idleMs < 2 * SWEEP_MS) continue
      lanes.delete(name)
      void lane.close()
    }
  }, SWEEP_MS)
  sweeper.unref()

  const range = async (key: string, from: string, to: string, limit: number): Promise<RawEntry[]> =>
    (await redis.call('XRANGE', key, from, to, 'COUNT', limit)) as RawEntry[]

  const newest = async (key: string): Promise<Entry | undefined> => {
    const [last] = (await redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)) as RawEntry[]
    return last && entryOf(last)
  }

  const isOurs = async (key: string, id: EntryId, body: Uint8Array): Promise<boolean> => {
    const [there] = await range(key, idText(id), idText(id), 1)
    return (
      there !== undefined &&
      fieldOf(there, 'w')?.equals(writer) === true &&
      fieldOf(there, 'b')?.equals(body) === true
    )
  }

  return {
    async append(key, id, body) {
      try {
        await redis.call('XADD', key, idText(id), 'b', Buffer.from(body), 'w', writer)
        return 'written'
      } catch (error) {
        if (!isTooSmall(error)) throw error
        // The same entry twice by us: an earlier try was done, and only its answer was lost.
        return (await isOurs(key, id, body)) ? 'written' : 'refused'
      }
    },
    async add(key, body) {
      const id = (await redis.call('XADD', key, '*', 'b', Buffer.from(body), 'w', writer)) as Buffer
      return parseId(id.toString())
    },
    async read(key, after, { limit = DEFAULT_LIMIT, waitMs = 0, signal }: ReadOptions = {}) {
      const until = performance.now() + waitMs
      const tail = tails.get(key)
      if (waitMs <= 0 || !tail || compareIds(tail, after) !== 0) {
        const there = (await range(key, afterText(after), '+', limit)).map(entryOf)
        if (there.length > 0 || waitMs <= 0) return there
      }
      if (closing) return []
      const entries = await laneOf(key).wait(key, after, limit, until - performance.now(), signal)
      if (tails.size > KNOWN_TAILS) tails.clear()
      const last = entries.at(-1)
      if (last) tails.set(key, last.id)
      return entries
    },
    newest,
    async trim(key, before) {
      const last = await newest(key)
      if (!last) return
      const least = compareIds(last.id, before) < 0 ? last.id : before
      await redis.call('XTRIM', key, 'MINID', idText(least))
    },
    async expire(key, ms) {
      await redis.call('PEXPIRE', key, Math.max(1, Math.round(ms)))
    },
    async close() {
      clearInterval(sweeper)
      closing ??= Promise.all([...lanes.values()].map((lane) => lane.close()))
      await closing
    },
  }
}

const isTooSmall = (error: unknown): boolean => /equal or smaller/.test(messageOf(error))
