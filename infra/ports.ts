import { join } from 'node:path'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { openFolderObjects } from '@odeon/common/adapters/embedded/objects.ts'
import { openRedis } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisJobs } from '@odeon/common/adapters/redis/jobs.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { openRedisStore } from '@odeon/common/adapters/redis/store.ts'
import { openS3Objects } from '@odeon/common/adapters/s3/objects.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Registry } from '@odeon/common/metrics.ts'
import type { Objects, Ports } from '@odeon/common/ports.ts'
import type { Settings } from './settings.ts'

export interface OpenPorts extends Ports {
  /** They outlive this process, and others may use them at the same time. */
  readonly shared: boolean
  close(): Promise<void>
}

export interface PortsOptions {
  settings: Settings
  logger: Logger
  registry: Registry
  /** The data folder, made when it is asked for. */
  folder(): string
}

/** The adapters that the settings choose: Redis where `REDIS_URL` says it is, S3 where `S3_ENDPOINT` does, else this machine's disk. */
export async function openPorts(options: PortsOptions): Promise<OpenPorts> {
  const { settings, logger, registry, folder } = options
  if (!settings.REDIS_URL) {
    const ports = await openEmbeddedPorts({ folder: folder(), logger, registry })
    if (!settings.S3_ENDPOINT) return closable(ports, false)
    try {
      return closable({ ...ports, objects: await openS3(options) }, false)
    } catch (error) {
      await closable(ports, false).close()
      throw error
    }
  }
  const redis = await openRedis({ url: settings.REDIS_URL, logger, registry })
  let objects: Objects
  try {
    objects = settings.S3_ENDPOINT
      ? await openS3(options)
      : await openFolderObjects({ folder: join(folder(), 'objects') })
  } catch (error) {
    await redis.close()
    throw error
  }
  const ports = {
    log: openRedisLog({ redis }),
    store: openRedisStore({ redis }),
    jobs: openRedisJobs({ redis, logger }),
    objects,
  }
  return closable(ports, true, () => redis.close())
}

const openS3 = ({ settings, logger }: PortsOptions): Promise<Objects> =>
  openS3Objects({
    endpoint: settings.S3_ENDPOINT!,
    accessKey: settings.S3_ACCESS_KEY!,
    secretKey: settings.S3_SECRET_KEY!,
    bucket: settings.S3_BUCKET,
    region: settings.S3_REGION,
    logger,
  })

function closable(ports: Ports, shared: boolean, last?: () => Promise<void>): OpenPorts {
  return {
    ...ports,
    shared,
    async close() {
      await Promise.all([ports.jobs.close(), ports.log.close(), ports.objects.close()])
      await ports.store.close()
      await last?.()
    },
  }
}
