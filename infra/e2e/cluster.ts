import { randomBytes } from 'node:crypto'
import { REDIS_SERVER, startRedis, type TestRedis } from '@odeon/common/adapters/testing/redis.ts'
import { HAS_S3, startS3, type TestS3 } from '@odeon/common/adapters/testing/s3.ts'
import type { Role } from '../settings.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'

/** Several Odeon processes on a Redis and an S3 server of their own. */
export const HAS_CLUSTER = REDIS_SERVER !== undefined && HAS_S3

export interface TestCluster {
  redis: TestRedis
  s3: TestS3
  /** The settings that make a process one of it. */
  env: Record<'REDIS_URL' | 'S3_ENDPOINT' | 'S3_ACCESS_KEY' | 'S3_SECRET_KEY', string> &
    Record<string, string>
  start(...roles: Role[]): Promise<OdeonProcess>
  close(): Promise<void>
}

export async function startCluster(env: Record<string, string> = {}): Promise<TestCluster> {
  const [redis, s3] = await Promise.all([startRedis(), startS3()])
  const processes: OdeonProcess[] = []
  const shared = {
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
    S3_BUCKET: `odeon-${randomBytes(4).toString('hex')}`,
    ODEON_SECRET: randomBytes(24).toString('hex'),
    ...env,
  }
  return {
    redis,
    s3,
    env: shared,
    async start(...roles) {
      const started = await startOdeonProcess({
        env: shared,
        args: roles.length > 0 ? [`--roles=${roles.join(',')}`] : [],
      })
      processes.push(started)
      return started
    },
    async close() {
      await Promise.all(processes.map((process) => process.remove()))
      await Promise.all([redis.close(), s3.close()])
    },
  }
}
