import { setTimeout as pause } from 'node:timers/promises'
import { Cluster, Redis, ReplyError, type ClusterOptions, type RedisOptions } from 'ioredis'
import { AppError, messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { Counter, type Registry } from '../../metrics.ts'
import { namesOf, parseRedisUrl, type RedisAddress } from './address.ts'
import { checkFitness } from './fitness.ts'

/** The only file that knows ioredis: one Redis or a cluster, behind the few things that the adapters ask of it. */

export type Argument = string | number | Uint8Array

export interface RedisConnection {
  readonly cluster: boolean
  /** Sends a command whose first argument is its key; strings in the answer are Buffers. Throws what `redisError` makes. */
  call(command: string, key: string, ...args: Argument[]): Promise<unknown>
  /** A Lua script of one key, sent once and called by its hash from then on. */
  script(name: string, lua: string): (key: string, ...args: Argument[]) => Promise<unknown>
  /** A connection to the node that has `key`, for commands that block. The caller closes it. */
  blocking(key: string): Promise<BlockingConnection>
  /** A client of its own for BullMQ, which knows ioredis' clients. The caller ends it with `disconnect`. */
  client(): Redis | Cluster
  /** How long Redis has been there without an interruption, ms; 0 while it is away. */
  steadyMs(): number
  /** What a command of `client()` threw, as `redisError` says it, and counted like those of the others. */
  explain(error: unknown): AppError
  close(): Promise<void>
}

/** Does not connect again: when a call fails, close it and open another. */
export interface BlockingConnection {
  call(command: string, ...args: Argument[]): Promise<unknown>
  /** Ends the command that blocks now. False when none did. */
  unblock(): Promise<boolean>
  close(): void
}

export interface RedisConnectionOptions {
  /** As in `REDIS_URL`. */
  url: string
  logger: Logger
  /** Where `odeon_redis_full_total` is counted, if anywhere. */
  registry?: Registry
  /** How often an unreachable Redis is tried at the start, a second apart; 5 unless told. */
  tries?: number
}

const CONNECT_MS = 3000
/** An answer that takes longer is given up, and the connection with it. */
const ANSWER_MS = 4000
const RETRY_MS = 1000
const COMPLAIN_MS = 10_000

/** Throws `bad_redis_url`, `redis_unreachable`, `redis_password`, `redis_refused` or `redis_unfit`, each with one sentence that says what to do. */
export async function openRedis({
  url,
  logger,
  registry,
  tries = 5,
}: RedisConnectionOptions): Promise<RedisConnection> {
  const address = parseRedisUrl(url)
  for (let left = tries - 1; ; left--) {
    try {
      await inspect(address, logger)
      const client = makeClient(address)
      watch(client, logger)
      try {
        await client.connect()
      } catch (error) {
        client.disconnect()
        throw error
      }
      return connectionOf(client, registry)
    } catch (error) {
      const known = startError(error, address)
      if (known.code !== 'redis_unreachable' || left <= 0) throw known
      logger.warn({ err: known.message }, 'Redis is not there yet; trying again')
      await pause(RETRY_MS)
    }
  }
}

const nodeOptions = ({ username, password, tls, database }: RedisAddress) =>
  ({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    db: database,
    protocol: 2, // Plain arrays, on every version of Redis.
    connectTimeout: CONNECT_MS,
    socketTimeout: ANSWER_MS,
    // A write that was sent and not answered may have happened: whoever asked decides whether to try again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelay,
  }) satisfies RedisOptions

/** 50 ms up to a second, and some chance, so that not all come back in the same moment. */
const retryDelay = (times: number): number => Math.min(50 * 2 ** (times - 1), 800) + Math.random() * 100

const clusterOptions = (address: RedisAddress) =>
  ({
    redisOptions: nodeOptions(address),
    clusterRetryStrategy: retryDelay,
    slotsRefreshTimeout: CONNECT_MS,
    slotsRefreshInterval: 5000,
    retryDelayOnClusterDown: 100,
    retryDelayOnFailover: 100,
    ...(address.tls && {
      // The certificate names the host, so it is not looked up first.
      dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host),
    }),
  }) satisfies ClusterOptions

/** Not yet connected. Without an offline queue: while Redis is away a call fails at once, and nothing piles up. */
const makeClient = (address: RedisAddress): Redis | Cluster =>
  address.cluster
    ? new Cluster(address.nodes, {
        ...clusterOptions(address),
        enableOfflineQueue: false,
        lazyConnect: true,
      })
    : new Redis({
        ...address.nodes[0],
        ...nodeOptions(address),
        enableOfflineQueue: false,
        lazyConnect: true,
      })

/** Looks whether this Redis is fit for Odeon: version, kind, persistence, eviction. */
async function inspect(address: RedisAddress, logger: Logger): Promise<void> {
  let failure: unknown
  for (const node of address.nodes) {
    const probe = new Redis({
      ...node,
      ...nodeOptions(address),
      lazyConnect: true,
      enableReadyCheck: true,
      retryStrategy: () => null,
    })
    let reason: unknown
    probe.on('error', (error) => (reason = error))
    try {
      await probe.connect()
      checkFitness(await probe.info(), address, logger)
      if (address.cluster) await checkCluster(probe)
      return
    } catch (error) {
      // ioredis says "Connection is closed"; what closed it came before.
      failure = error instanceof AppError || error instanceof ReplyError ? error : (reason ?? error)
    } finally {
      probe.disconnect()
    }
  }
  throw failure
}

async function checkCluster(node: Redis): Promise<void> {
  const state = /cluster_state:(\w+)/.exec(String(await node.cluster('INFO')))?.[1]
  if (state !== 'ok') throw new Error(`the cluster is "${state}"`) // It may be just starting: tried again.
}

function startError(error: unknown, address: RedisAddress): AppError {
  if (error instanceof AppError) return error
  const message = messageOf(error)
  if (/^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password|NOPERM)/.test(message))
    return new AppError(
      500,
      'redis_password',
      `Redis at ${namesOf(address)} does not accept the user or the password in REDIS_URL (${message}).`,
      { cause: error },
    )
  if (error instanceof ReplyError && !/^(LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)/.test(message))
    return new AppError(500, 'redis_refused', `Redis at ${namesOf(address)} refused: ${message}.`, {
      cause: error,
    })
  return new AppError(
    500,
    'redis_unreachable',
    `Redis at ${namesOf(address)} can't be reached (${message || 'no answer'}). Start it, or correct REDIS_URL.`,
    { cause: error },
  )
}

/** What a call threw, in our words: `redis_full` and `redis_away` (503) may pass by waiting, `redis_refused` (500) does not. */
export function redisError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const message = messageOf(error)
  if (/(^|-)(OOM|MISCONF) /.test(message))
    // Older ones put a script's before it.
    return new AppError(
      503,
      'redis_full',
      `Redis can't write: its memory or its disk is full (${message.slice(0, 200)}).`,
      { cause: error },
    )
  if (
    error instanceof ReplyError &&
    !/^(LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|READONLY|UNBLOCKED|MOVED|ASK)/.test(message)
  )
    return new AppError(500, 'redis_refused', `Redis refused: ${message.slice(0, 200)}.`, { cause: error })
  return new AppError(503, 'redis_away', `Redis does not answer (${message.slice(0, 200)}).`, {
    cause: error,
  })
}

/** Without a listener an error of the connection would end the process; one line in ten seconds is enough. */
function watch(client: Redis | Cluster, logger: Logger): void {
  let complained = -Infinity
  client.on('error', (error: unknown) => {
    if (performance.now() - complained < COMPLAIN_MS) return
    complained = performance.now()
    logger.warn({ err: messageOf(error) }, 'the connection to Redis failed; trying again')
  })
}

function connectionOf(client: Redis | Cluster, registry: Registry | undefined): RedisConnection {
  const full =
    registry &&
    new Counter({
      name: 'odeon_redis_full_total',
      help: 'Commands that Redis refused because its memory or its disk was full.',
      registers: [registry],
    })
  const explain = (error: unknown): AppError => {
    const explained = redisError(error)
    if (explained.code === 'redis_full') full?.inc()
    return explained
  }
  let readySince: number | undefined = performance.now()
  client.on('ready', () => (readySince = performance.now()))
  client.on('close', () => (readySince = undefined))
  if (client instanceof Cluster) client.on('node error', () => (readySince = performance.now()))
  const scripts = client as unknown as Record<string, (...args: Argument[]) => Promise<unknown>>
  const asked = async (answer: Promise<unknown>): Promise<unknown> => {
    try {
      return await answer
    } catch (error) {
      throw explain(error)
    }
  }
  return {
    cluster: client instanceof Cluster,
    call: (command, key, ...args) => asked(client.callBuffer(command, key, ...(args as (string | Buffer)[]))),
    script(name, lua) {
      client.defineCommand(name, { numberOfKeys: 1, lua })
      return (key, ...args) => asked(scripts[`${name}Buffer`]!(key, ...args))
    },
    blocking: async (key) => {
      try {
        return await openBlocking(client instanceof Cluster ? await nodeOf(client, key) : client)
      } catch (error) {
        throw redisError(error)
      }
    },
    client: () => duplicate(client),
    steadyMs: () => (readySince === undefined ? 0 : performance.now() - readySince),
    explain,
    async close() {
      client.disconnect()
      return Promise.resolve()
    },
  }
}

/** For BullMQ, which waits and tries again by itself. */
function duplicate(client: Redis | Cluster): Redis | Cluster {
  const patient = { enableOfflineQueue: true, lazyConnect: false } as const
  const copy =
    client instanceof Cluster
      ? client.duplicate([], { ...patient, redisOptions: { maxRetriesPerRequest: null } })
      : client.duplicate({ ...patient, maxRetriesPerRequest: null, socketTimeout: 15_000 })
  copy.on('error', () => {}) // The other connection has said it.
  return copy
}

/** The primary that has the slot of a key. */
async function nodeOf(cluster: Cluster, key: string): Promise<Redis> {
  const slot = Number(await cluster.call('CLUSTER', 'KEYSLOT', key))
  const name = cluster.slots[slot]?.[0]
  const node = cluster.nodes('master').find(({ options }) => `${options.host}:${options.port}` === name)
  if (!node) throw new Error(`no node has slot ${slot}`)
  return node
}

async function openBlocking(node: Redis): Promise<BlockingConnection> {
  const own = node.duplicate({
    enableOfflineQueue: false,
    lazyConnect: true,
    readOnly: false,
    retryStrategy: () => null,
  })
  own.on('error', () => {}) // Whoever calls is told.
  try {
    await own.connect()
    const id = Number(await own.call('CLIENT', 'ID'))
    return {
      async call(command, ...args) {
        try {
          return await own.callBuffer(command, ...(args as (string | Buffer)[]))
        } catch (error) {
          throw redisError(error)
        }
      },
      unblock: async () => Number(await node.call('CLIENT', 'UNBLOCK', id)) === 1,
      close: () => own.disconnect(),
    }
  } catch (error) {
    own.disconnect()
    throw error
  }
}
