import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AppError } from '../../errors.ts'
import { createLogger } from '../../logger.ts'
import { Registry } from '../../metrics.ts'
import { FIRST, type EntryId, type Jobs, type Log, type Store } from '../../ports.ts'
import { describeJobs } from '../contract/jobs.ts'
import { describeLog } from '../contract/log.ts'
import { describeStore } from '../contract/store.ts'
import {
  HOW_TO_INSTALL_REDIS,
  REDIS_SERVER,
  startRedis,
  startRedisCluster,
  type TestCluster,
  type TestRedis,
} from '../testing/redis.ts'
import { openRedis, type RedisConnection } from './connection.ts'
import { openRedisJobs } from './jobs.ts'
import { openRedisLog } from './log.ts'
import { openRedisStore } from './store.ts'

const logger = createLogger('silent')

/** Adapters on a Redis that is empty each time, and whose connection closes with the adapter. */
function adapters(url: () => string) {
  const fresh = async (): Promise<RedisConnection> => {
    const redis = await openRedis({ url: url(), logger })
    const admin = redis.client()
    const nodes =
      'nodes' in admin
        ? (await new Promise((resolve) => admin.once('ready', resolve)), admin.nodes('master'))
        : [admin]
    await Promise.all(nodes.map((node) => node.flushall()))
    admin.disconnect()
    return redis
  }
  const closing = <T extends { close(): Promise<void> }>(adapter: T, redis: RedisConnection): T => {
    const close = adapter.close.bind(adapter)
    return Object.assign(adapter, { close: () => close().then(() => redis.close()) })
  }
  return {
    async log(): Promise<Log> {
      const redis = await fresh()
      return closing(openRedisLog({ redis }), redis)
    },
    async store(): Promise<Store> {
      const redis = await fresh()
      return closing(openRedisStore({ redis }), redis)
    },
    async jobs(): Promise<Jobs> {
      const redis = await fresh()
      return closing(openRedisJobs({ redis, logger, retry: { first: 1, longest: 4 } }), redis)
    },
  }
}

describe.skipIf(!REDIS_SERVER)(`on one Redis (${REDIS_SERVER ? 'private' : HOW_TO_INSTALL_REDIS})`, () => {
  let server: TestRedis
  beforeAll(async () => void (server = await startRedis()))
  afterAll(() => server.close())
  const open = adapters(() => server.url)
  describeLog('on Redis Streams', open.log)
  describeStore('on Redis', open.store)
  describeJobs('on BullMQ', open.jobs)
})

describe.skipIf(!REDIS_SERVER)(
  `on a Redis Cluster (${REDIS_SERVER ? 'of three' : HOW_TO_INSTALL_REDIS})`,
  () => {
    let cluster: TestCluster
    beforeAll(async () => void (cluster = await startRedisCluster()))
    afterAll(() => cluster.close())
    const open = adapters(() => cluster.url)
    describeLog('on a Redis Cluster', open.log)
    describeStore('on a Redis Cluster', open.store)
    describeJobs('on BullMQ in a cluster', open.jobs)
  },
)

describe.skipIf(!REDIS_SERVER)('Redis as it may be', () => {
  const id = (minor: number): EntryId => ({ major: 1, minor })
  const open: { close(): Promise<void> }[] = []
  const kept = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close()
  })
  const connect = async (url: string): Promise<RedisConnection> =>
    kept(await openRedis({ url, logger, tries: 1 }))
  const words = (error: Promise<unknown>): Promise<string> =>
    error.then(
      () => 'no error',
      (error: AppError) => `${error.code}: ${error.message}`,
    )

  test('an entry whose answer was lost is known for ours when it is written again, and nobody else’s is', async () => {
    const { url } = kept(await startRedis())
    const [ours, theirs] = [
      kept(openRedisLog({ redis: await connect(url) })),
      kept(openRedisLog({ redis: await connect(url) })),
    ]
    expect(await ours.append('k', id(1), Uint8Array.of(1))).toBe('written')
    expect(await ours.append('k', id(1), Uint8Array.of(1))).toBe('written')
    expect(await ours.append('k', id(1), Uint8Array.of(2))).toBe('refused')
    expect(await theirs.append('k', id(1), Uint8Array.of(1))).toBe('refused')
    expect(await ours.read('k', FIRST)).toHaveLength(1)
  })

  test('a foreign entry in a stream is an empty one to us, and those around it are whole', async () => {
    const { url } = kept(await startRedis())
    const redis = await connect(url)
    const log = kept(openRedisLog({ redis }))
    await log.append('k', id(1), Uint8Array.of(1))
    await redis.call('XADD', 'k', '1-2', 'colour', 'green')
    await log.append('k', id(3), Uint8Array.of(3))
    expect((await log.read('k', FIRST)).map(({ body }) => [...body])).toEqual([[1], [], [3]])
    await redis.call('SET', 'text', 'no stream')
    expect(await words(log.read('text', FIRST))).toMatch(/^redis_refused: .*WRONGTYPE/)
  })

  test('while Redis is away every call fails at once; after its restart what was written is there, and all goes on', async () => {
    const server = kept(await startRedis(['--appendfsync', 'always']))
    const redis = await connect(server.url)
    const log = kept(openRedisLog({ redis }))
    await log.append('k', id(1), Uint8Array.of(1))
    const waiting = words(log.read('k', id(1), { waitMs: 60_000 }))
    await server.kill()
    expect(await waiting).toMatch(/^redis_away: /)
    expect(await words(log.append('k', id(2), Uint8Array.of(2)))).toMatch(/^redis_away: /)
    expect(redis.steadyMs()).toBe(0)
    await server.start()
    await expect.poll(() => words(log.append('k', id(2), Uint8Array.of(2)))).toBe('no error')
    expect(await log.append('k', id(1), Uint8Array.of(9))).toBe('refused')
    expect((await log.read('k', FIRST)).map(({ body }) => body[0])).toEqual([1, 2])
    const next = log.read('k', id(2), { waitMs: 60_000 })
    await log.append('k', id(3), Uint8Array.of(3))
    expect(await next).toHaveLength(1)
  })

  test('after an absence of Redis, for one life of a lease, only its last owner may take it', async () => {
    const server = kept(await startRedis(['--appendfsync', 'always']))
    const first = kept(openRedisStore({ redis: await connect(server.url) }))
    const lease = (await first.acquire('l', 'ana', 5000))!
    await first.acquire('short', 'ana', 20)
    await server.kill()
    await server.start()
    const second = kept(openRedisStore({ redis: await connect(server.url) }))
    await expect.poll(() => second.holder('short')).toBeUndefined()
    expect(await second.acquire('l', 'ben', 5000)).toBeUndefined()
    await expect.poll(() => words(first.renew(lease, 20))).toBe('no error')
    await expect.poll(() => first.holder('l')).toBeUndefined()
    expect((await first.acquire('l', 'ana', 5000))?.epoch).toBe(lease.epoch + 1)
    await expect.poll(async () => (await second.acquire('short', 'ben', 60_000))?.owner).toBe('ben')
  })

  test('Redis whose memory is full says so, it is counted, and what is there can be read', async () => {
    const { url } = kept(await startRedis(['--maxmemory-policy', 'noeviction']))
    const registry = new Registry()
    const redis = kept(await openRedis({ url, logger, registry, tries: 1 }))
    const refused = async () =>
      (await registry.getSingleMetric('odeon_redis_full_total')!.get()).values[0]!.value
    const log = kept(openRedisLog({ redis }))
    const store = kept(openRedisStore({ redis }))
    const jobs = kept(openRedisJobs({ redis, logger }))
    await log.append('k', id(1), Uint8Array.of(1))
    await store.put('d', 1, 0)
    await redis.call('CONFIG', 'SET', 'maxmemory', 1)
    expect(await refused()).toBe(0)
    expect(await words(log.append('k', id(2), Uint8Array.of(2)))).toMatch(/^redis_full: .*memory/)
    expect(await words(store.put('d', 2, 1))).toMatch(/^redis_full: /) // By a script.
    expect(await words(jobs.add('{q}', 'j', 1))).toMatch(/^redis_full: /) // By BullMQ.
    expect(await refused()).toBe(3)
    expect(await log.newest('k')).toBeDefined()
    expect(await store.get('d')).toMatchObject({ value: 1 })
    expect(await refused()).toBe(3)
  })

  test.each([
    [
      'nobody there',
      [],
      (url: string) => url.replace(/\d+$/, '1'),
      /^redis_unreachable: .*ECONNREFUSED.*REDIS_URL/,
    ],
    ['no password', ['--requirepass', 'x'], (url: string) => url, /^redis_password: /],
    [
      'a wrong password, which is not repeated',
      ['--requirepass', 'x'],
      (url: string) => url.replace('//', '//:secret@'),
      /^redis_password: (?!.*secret)/,
    ],
    [
      'a cluster’s address for a single one',
      [],
      (url: string) => url.replace(':', '-cluster:'),
      /^redis_unfit: .*not part of a cluster/,
    ],
    [
      'a single one’s address for a cluster',
      ['--cluster-enabled', 'yes'],
      (url: string) => url,
      /^redis_unfit: .*redis-cluster:/,
    ],
    ['no address', [], () => 'nonsense://', /^bad_redis_url: .*wanted/],
  ])('%s: one sentence says what to correct', async (_name, settings, change, sentence) => {
    const { url } = kept(await startRedis(settings))
    const connecting = openRedis({ url: change(url), logger, tries: 1 })
    expect(await words(connecting)).toMatch(sentence)
  })

  test('without an append-only file, or with eviction, a warning tells what may be lost', async () => {
    const { url } = kept(await startRedis(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru']))
    const told: string[] = []
    const listening = Object.assign(createLogger('silent'), { warn: (text: string) => void told.push(text) })
    kept(await openRedis({ url, logger: listening, tries: 1 }))
    expect(told).toEqual([expect.stringMatching(/append-only/), expect.stringMatching(/noeviction/)])
  })

  test('a Redis that comes late is waited for', async () => {
    const server = kept(await startRedis())
    await server.kill()
    const connecting = openRedis({ url: server.url, logger, tries: 60 })
    await server.start()
    expect(kept(await connecting).steadyMs()).toBeGreaterThan(0)
  })

  test('the job of a worker that is paused too long is run by another, and the first is told when it wakes', async () => {
    const { url } = kept(await startRedis())
    const [slow, other] = [await connect(url), await connect(url)]
    const jobs = kept(openRedisJobs({ redis: slow, logger }))
    const rescuers = kept(openRedisJobs({ redis: other, logger }))
    const told = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    let runs = 0
    const handler = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
      if (++runs === 2) return taken.resolve()
      signal.addEventListener('abort', () => told.resolve())
      await redis.call('DEL', 'bull:{q}:job-long:lock') // As if it had run out.
      await told.promise
    }
    const redis = await connect(url)
    jobs.work('{q}', handler)
    await jobs.add('{q}', 'long', {})
    await told.promise
    rescuers.work('{q}', handler)
    await taken.promise
    expect(runs).toBe(2)
  })
})
