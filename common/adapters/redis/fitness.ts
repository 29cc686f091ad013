import { AppError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { namesOf, type RedisAddress } from './address.ts'

const readInfo = (text: string): Map<string, string> =>
  new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )

/** Is this Redis fit for Odeon: version, kind, persistence, eviction? `text` is its answer to INFO. Throws `redis_unfit`; warns of what loses data. */
export function checkFitness(text: string, address: RedisAddress, logger: Logger): void {
  const info = readInfo(text)
  const version = info.get('redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 2))
    throw unfit(`Redis ${version} at ${namesOf(address)} is too old; Odeon wants 6.2 or newer.`)
  const isCluster = info.get('cluster_enabled') === '1'
  if (isCluster !== address.cluster)
    throw unfit(
      isCluster
        ? `Redis at ${namesOf(address)} is part of a cluster; write REDIS_URL=redis-cluster://${namesOf(address).replaceAll(' ', '')}.`
        : `Redis at ${namesOf(address)} is not part of a cluster; write REDIS_URL=redis://${namesOf(address).split(',')[0]}.`,
    )
  if (info.get('role') === 'slave' && !address.cluster)
    throw unfit(
      `Redis at ${namesOf(address)} is a replica and can't be written; name its primary in REDIS_URL.`,
    )
  if (info.get('aof_enabled') === '0')
    logger.warn(
      'Redis keeps no append-only file: what is live is lost when it restarts. Set "appendonly yes" in its configuration.',
    )
  const policy = info.get('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction')
    logger.warn(
      `Redis throws away keys when its memory is full (maxmemory-policy ${policy}). Set "maxmemory-policy noeviction" in its configuration.`,
    )
}

const unfit = (message: string): AppError => new AppError(500, 'redis_unfit', message)
