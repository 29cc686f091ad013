import { HOW_TO_INSTALL_REDIS, REDIS_SERVER } from '@odeon/common/adapters/testing/redis.ts'
import { HAS_S3, HOW_TO_INSTALL_S3 } from '@odeon/common/adapters/testing/s3.ts'
import { startCluster, type TestCluster } from './e2e/cluster.ts'
import { HAS_EDGE, HOW_TO_INSTALL_EDGE, startEdge } from './e2e/edge.ts'

/**
 * `npm run cluster`: what docker-compose.yml brings up, from programs of this machine and on its loopback: Redis, MinIO, two processes of each role,
 * and the caching edge. Ctrl-C ends it all, and nothing is kept.
 */

const EDGE_PORT = Number(process.env['PORT'] ?? 8080)

/** Starts the processes; answers how to end them. */
async function start(cluster: TestCluster): Promise<() => Promise<void>> {
  const settings = { ...cluster.env, ODEON_TRUSTED_PROXIES: 'loopback' }
  const [first, second] = await Promise.all([
    cluster.startWith(settings, 'api'),
    cluster.startWith(settings, 'api'),
    cluster.start('ingest'),
    cluster.start('ingest'),
    cluster.startWith({ ...settings, ODEON_REPLICA: 'a' }, 'transcoder'),
    cluster.startWith({ ...settings, ODEON_REPLICA: 'b' }, 'transcoder'),
  ])
  const edge = HAS_EDGE ? await startEdge([first.port, second.port], EDGE_PORT) : undefined
  console.log(`
  Odeon is open:  ${edge?.url.replace('127.0.0.1', 'localhost') ?? first.url}

  edge          ${edge?.url ?? `none: it ${HOW_TO_INSTALL_EDGE}`}
  api           ${first.url}  ${second.url}
  ingest        two processes
  transcoder    two processes
  Redis         ${cluster.env.REDIS_URL}
  MinIO         ${cluster.env.S3_ENDPOINT}

  Ctrl-C ends it all; nothing is kept.
`)
  return async () => {
    await edge?.close()
    await cluster.close()
  }
}

async function main(): Promise<void> {
  const missing = [...(REDIS_SERVER ? [] : [HOW_TO_INSTALL_REDIS]), ...(HAS_S3 ? [] : [HOW_TO_INSTALL_S3])]
  if (missing.length > 0) {
    console.error(`A cluster ${missing.join(', and ')}.`)
    process.exitCode = 1
    return
  }
  const cluster = await startCluster()
  let end = (): Promise<void> => cluster.close()
  const stop = (): void => void end().finally(() => process.exit())
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    end = await start(cluster)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
    await end()
  }
}

await main()
