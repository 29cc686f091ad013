import { AppError } from '../../errors.ts'

export interface RedisNode {
  host: string
  port: number
}

/** Where Redis is, as `REDIS_URL` says it. */
export interface RedisAddress {
  /** A cluster is asked by any of its nodes. */
  cluster: boolean
  /** One at least; several only of a cluster. */
  nodes: [RedisNode, ...RedisNode[]]
  username: string | undefined
  password: string | undefined
  tls: boolean
  /** The number of the database; 0 in a cluster. */
  database: number
}

const SCHEMES = ['redis', 'rediss', 'redis-cluster', 'rediss-cluster']
const WANTED =
  'wanted: redis://[user:password@]host[:port][/database], or for a cluster redis-cluster://[user:password@]host:port,host:port; rediss for TLS'

/**
 * `redis://h`, `rediss://user:secret@h:6380/2`, `redis-cluster://h1:7000,h2:7000`, and also `redis://h1:7000,redis://h2:7000`: more than one
 * node is a cluster. Throws `bad_redis_url`, without the password in it.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const urls = text.split(',').map((part) => parseNode(part.trim()))
  const first = urls[0]!
  const scheme = first.protocol.slice(0, -1)
  if (!SCHEMES.includes(scheme)) throw bad(`the scheme "${scheme}" is not known`)
  const nodes = urls.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 6379),
  }))
  const cluster = scheme.endsWith('-cluster') || nodes.length > 1
  const path = first.pathname.slice(1)
  if (!/^\d{0,4}$/.test(path)) throw bad(`"${path}" is not the number of a database`)
  const database = Number(path)
  if (cluster && database !== 0) throw bad('a cluster has no database but 0')
  return {
    cluster,
    nodes: nodes as [RedisNode, ...RedisNode[]],
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    tls: scheme.startsWith('rediss'),
    database,
  }
}

function parseNode(part: string): URL {
  const text = part.includes('://') ? part : `redis://${part}`
  try {
    // The host of a scheme that URL does not know is not parsed as strictly; the rest is the same.
    const url = new URL(text)
    if (url.hostname === '') throw new Error('no host')
    return url
  } catch (cause) {
    throw bad('it is no address', cause)
  }
}

/** `host:port, host:port`, for sentences. */
export const namesOf = ({ nodes }: RedisAddress): string =>
  nodes.map(({ host, port }) => `${host}:${port}`).join(', ')

const bad = (reason: string, cause?: unknown): AppError =>
  new AppError(500, 'bad_redis_url', `REDIS_URL can't be used: ${reason}; ${WANTED}.`, { cause })
