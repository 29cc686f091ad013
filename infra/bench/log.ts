import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { openRedis, type RedisConnection } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { readAnswer } from '@odeon/common/adapters/redis/streams.ts'
import { HOW_TO_INSTALL_REDIS, REDIS_SERVER, startRedis } from '@odeon/common/adapters/testing/redis.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { FIRST, type Entry } from '@odeon/common/ports.ts'
import { FRAME_MS } from '@odeon/common/time.ts'
import { percentile } from './figures.ts'

/**
 * `npm run bench:log`: from the writing of a log entry to its delivery in another process, and what it costs Redis, for three ways of waiting:
 * one blocking XREAD for all logs (what `redis/log.ts` does), a blocking connection for each log, one poll every 20 ms.
 */

const logger = createLogger('warn')
const SECONDS = 5
const BODY = 250 // A frame of the space log.
const key = (n: number): string => `space:{bench${n}}:log`

/** In a process of its own: every log gets a frame each 20 ms, spread over them. Each frame begins with the moment it was written. */
async function write(url: string, logs: number): Promise<void> {
  const redis = await openRedis({ url, logger })
  const log = openRedisLog({ redis })
  const startedAt = performance.now()
  const newest = await Promise.all(
    Array.from({ length: logs }, async (_, n) => (await log.newest(key(n)))?.id.minor ?? 0),
  )
  const errors: unknown[] = []
  for (let frame = 0; frame < ((SECONDS + 1) * 1000) / FRAME_MS; frame++) {
    for (let n = 0; n < logs; n++) {
      const due = startedAt + (frame + n / logs) * FRAME_MS
      if (due > performance.now()) await pause(Math.max(0, due - performance.now()))
      const body = Buffer.alloc(BODY)
      body.writeDoubleBE(performance.timeOrigin + performance.now())
      log
        .append(key(n), { major: 1, minor: newest[n]! + frame + 1 }, body)
        .catch((error: unknown) => errors.push(error))
    }
  }
  await pause(200)
  if (errors.length > 0) throw errors[0]
  await log.close()
  await redis.close()
}

type Reader = (
  redis: RedisConnection,
  logs: number,
  deliver: (entries: Entry[]) => void,
) => Promise<() => Promise<void>>

const multiplexed: Reader = async (redis, logs, deliver) => {
  const log = openRedisLog({ redis })
  const stop = new AbortController()
  const follow = async (n: number): Promise<void> => {
    let after = (await log.newest(key(n)))?.id ?? FIRST
    while (!stop.signal.aborted) {
      const entries = await log.read(key(n), after, { waitMs: 1000, signal: stop.signal })
      deliver(entries)
      after = entries.at(-1)?.id ?? after
    }
  }
  const following = Array.from({ length: logs }, (_, n) => follow(n))
  return async () => {
    stop.abort()
    await Promise.all(following)
    await log.close()
  }
}

/** One XREAD for `keys` after another, which blocks, or comes every 20 ms. */
const asking = async (
  redis: RedisConnection,
  keys: string[],
  block: boolean,
  deliver: (entries: Entry[]) => void,
) => {
  const connection = await redis.blocking(keys[0]!)
  let stopped = false
  const after = new Map(keys.map((key) => [key, '$']))
  for (const key of keys) {
    const [last] = (await redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)) as [Buffer, unknown][]
    after.set(key, last?.[0].toString() ?? '0-0')
  }
  const run = async (): Promise<void> => {
    for (let next = performance.now(); !stopped; next += FRAME_MS) {
      const words = [
        'XREAD',
        'COUNT',
        100,
        ...(block ? ['BLOCK', 1000] : []),
        'STREAMS',
        ...keys,
        ...after.values(),
      ] as const
      for (const [key, entries] of readAnswer(await connection.call(...(words as unknown as [string])))) {
        deliver(entries)
        const { major, minor } = entries.at(-1)!.id
        after.set(key, `${major}-${minor}`)
      }
      if (!block) await pause(Math.max(0, next + FRAME_MS - performance.now()))
    }
  }
  const running = run()
  return async () => {
    stopped = true
    await running
    connection.close()
  }
}
const all = (logs: number): string[] => Array.from({ length: logs }, (_, n) => key(n))
const polled: Reader = (redis, logs, deliver) => asking(redis, all(logs), false, deliver)
const connectionEach: Reader = async (redis, logs, deliver) => {
  const stops = await Promise.all(all(logs).map((key) => asking(redis, [key], true, deliver)))
  return async () => void (await Promise.all(stops.map((stop) => stop())))
}

async function costs(redis: RedisConnection): Promise<{ commands: number; cpu: number }> {
  const text = String(await redis.call('INFO', 'all'))
  const number = (name: string): number => Number(new RegExp(`^${name}:(.+)\r?$`, 'm').exec(text)?.[1])
  return {
    commands: number('total_commands_processed'),
    cpu: number('used_cpu_sys') + number('used_cpu_user'),
  }
}

async function measure(url: string, logs: number, reader: Reader) {
  const redis = await openRedis({ url, logger })
  const delays: number[] = []
  let keep = false
  const stop = await reader(redis, logs, (entries) => {
    const now = performance.timeOrigin + performance.now()
    if (keep) for (const { body } of entries) delays.push(now - new DataView(body.buffer).getFloat64(0))
  })
  const writer = fork(import.meta.filename, [url, String(logs)])
  const written = once(writer, 'exit')
  await pause(1500) // Node starts, and the first entries are not measured.
  keep = true
  const before = { ...(await costs(redis)), own: process.cpuUsage() }
  await pause((SECONDS - 1.5) * 1000)
  const after = await costs(redis)
  const own = process.cpuUsage(before.own)
  const seconds = SECONDS - 1.5
  keep = false
  await written
  await stop()
  await redis.close()
  return {
    logs,
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
    delivered: delays.length / seconds / logs,
    commandsPerLog: (after.commands - before.commands) / seconds / logs,
    redisCpu: (after.cpu - before.cpu) / seconds,
    readerCpu: (own.user + own.system) / 1e6 / seconds,
  }
}

if (process.argv[2] && process.send) {
  await write(process.argv[2], Number(process.argv[3]))
  process.exit(0)
}
if (!REDIS_SERVER) throw new Error(HOW_TO_INSTALL_REDIS)
const ways: Record<string, Reader> = {
  'one blocking XREAD': multiplexed,
  'a connection each': connectionEach,
  'a poll of 20 ms': polled,
}
const rows = []
for (const logs of [1, 50, 200]) {
  for (const [way, reader] of Object.entries(ways)) {
    const server = await startRedis()
    rows.push({ way, ...(await measure(server.url, logs, reader)) })
    await server.close()
  }
}
const fixed = (digits: number) => (value: number) => value.toFixed(digits)
console.log(
  '\n  logs  way                 p50 ms  p99 ms  entries/s·log  commands/s·log  Redis CPU  reader CPU',
)
for (const row of rows)
  console.log(
    `  ${String(row.logs).padStart(4)}  ${row.way.padEnd(18)}  ${fixed(1)(row.p50).padStart(6)}  ${fixed(1)(row.p99).padStart(6)}  ${fixed(1)(row.delivered).padStart(13)}  ${fixed(1)(row.commandsPerLog).padStart(14)}  ${fixed(2)(row.redisCpu).padStart(9)}  ${fixed(2)(row.readerCpu).padStart(10)}`,
  )
console.log(JSON.stringify({ bench: 'log', rows }))
