import type { Document, Lease, Store } from '../../ports.ts'
import type { RedisConnection } from './connection.ts'

/** Documents, leases and counters in Redis. Every change is one script of one key, so that it holds in a cluster too. */
export interface RedisStoreOptions {
  redis: RedisConnection
}

/** The keys of all documents, sorted, so that a list need not look through all keys of Redis. */
const INDEX = 'documents'
/** Documents asked for at once when listing. */
const PAGE = 500

const DAY_MS = 24 * 3600_000

/** A document is a hash of `version` and `value`, JSON. */
const PUT = `
  local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
  if version ~= tonumber(ARGV[2]) then return 0 end
  redis.call('HSET', KEYS[1], 'version', version + 1, 'value', ARGV[1])
  return version + 1`

/**
 * A lease is a hash of \`owner\`, \`epoch\`, \`ttl\` and \`until\`, by the clock of Redis; the epoch stays for a
 * day after it ended, much longer than any log that it fences. While Redis was away nobody could
 * renew, so for one life of the lease after that (ARGV[3]: how long Redis has been there, as this process sees it) only its last owner may take it.
 */
const ACQUIRE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local kept = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch', 'ttl')
  if kept[1] and kept[1] ~= '' then
    if tonumber(kept[2]) > now then return false end
    if kept[1] ~= ARGV[1] and tonumber(ARGV[3]) < tonumber(kept[4]) then return false end
  end
  local epoch = tonumber(kept[3] or '0') + 1
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', epoch, 'ttl', ARGV[2], 'until', now + ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[2] + ${DAY_MS})
  return epoch`

const RENEW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local kept = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch')
  if kept[1] ~= ARGV[1] or kept[3] ~= ARGV[2] or tonumber(kept[2]) <= now then return 0 end
  redis.call('HSET', KEYS[1], 'ttl', ARGV[3], 'until', now + ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[3] + ${DAY_MS})
  return 1`

const RELEASE = `
  local kept = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
  if kept[1] == ARGV[1] and kept[2] == ARGV[2] then redis.call('HSET', KEYS[1], 'owner', '') end
  return 0`

const HOLDER = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local kept = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch')
  if not kept[1] or kept[1] == '' or tonumber(kept[2]) <= now then return false end
  return { kept[1], kept[3] }`

const INCREMENT = `
  local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return sum`

export function openRedisStore({ redis }: RedisStoreOptions): Store {
  const put = redis.script('odeonPut', PUT)
  const acquire = redis.script('odeonAcquire', ACQUIRE)
  const renew = redis.script('odeonRenew', RENEW)
  const release = redis.script('odeonRelease', RELEASE)
  const holder = redis.script('odeonHolder', HOLDER)
  const increment = redis.script('odeonIncrement', INCREMENT)

  const get = async (key: string): Promise<Document | undefined> => {
    const [version, value] = (await redis.call('HMGET', key, 'version', 'value')) as (Buffer | null)[]
    if (!version || !value) return undefined
    return { key, value: JSON.parse(value.toString()) as unknown, version: Number(version) }
  }

  return {
    get,
    async put(key, value, expected) {
      // The index lies elsewhere in a cluster, so it is not written with the document. Before and after: a document is never missing from
      // it, whatever dies in between or deletes it meanwhile; a key without a document does no harm.
      if (expected === 0) await redis.call('ZADD', INDEX, 0, key)
      const version = Number(await put(key, JSON.stringify(value), expected))
      if (version === 0) return 'conflict'
      if (expected === 0) await redis.call('ZADD', INDEX, 0, key)
      return version
    },
    async delete(key) {
      await redis.call('DEL', key)
      await redis.call('ZREM', INDEX, key)
      if (Number(await redis.call('EXISTS', key)) === 1) await redis.call('ZADD', INDEX, 0, key)
    },
    async list(prefix) {
      const last = Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)]) // Above every text in UTF-8.
      const keys = (await redis.call('ZRANGEBYLEX', INDEX, `[${prefix}`, last)) as Buffer[]
      const documents: Document[] = []
      for (let from = 0; from < keys.length; from += PAGE) {
        const page = await Promise.all(keys.slice(from, from + PAGE).map((key) => get(key.toString())))
        documents.push(...page.filter((document) => document !== undefined))
      }
      return documents
    },
    async acquire(name, owner, ttlMs) {
      const epoch = await acquire(name, owner, ttlMs, Math.floor(redis.steadyMs()))
      return epoch === null ? undefined : { name, owner, epoch: Number(epoch) }
    },
    async renew({ name, owner, epoch }: Lease, ttlMs) {
      return Number(await renew(name, owner, epoch, ttlMs)) === 1
    },
    async release({ name, owner, epoch }: Lease) {
      await release(name, owner, epoch)
    },
    async holder(name) {
      const held = (await holder(name)) as [Buffer, Buffer] | null
      return held ? { name, owner: held[0].toString(), epoch: Number(held[1]) } : undefined
    },
    async increment(name, by, ttlMs) {
      return Number(await increment(name, by, ttlMs))
    },
    close: () => Promise.resolve(),
  }
}
