import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findProgram, freePorts, startProgram, temporaryFolder, type Program } from './programs.ts'

/** A private Redis, and a private cluster of three, on the loopback. */

export const REDIS_SERVER = findProgram('redis-server')
export const HOW_TO_INSTALL_REDIS = 'needs redis-server: apt install redis-server'

export interface TestRedis {
  url: string
  /** Kills it or ends it; what is on disk stays. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on its port and its disk. */
  start(): Promise<void>
  process(): Program
  close(): Promise<void>
}

/** `settings` are words of redis.conf: `['--requirepass', 'x']`. With an append-only file unless they say otherwise. */
export async function startRedis(settings: string[] = []): Promise<TestRedis> {
  const [port] = (await freePorts(1)) as [number]
  const folder = temporaryFolder()
  const run = (): Promise<Program> =>
    startProgram(
      REDIS_SERVER!,
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder.path,
        '--save',
        '',
        '--appendonly',
        'yes',
        ...settings,
      ],
      { ready: /Ready to accept connections/i },
    )
  let program = await run()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: (signal) => program.stop(signal),
    async start() {
      program = await run()
    },
    process: () => program,
    async close() {
      await program.stop()
      folder.remove()
    },
  }
}

export interface TestCluster {
  url: string
  nodes: TestRedis[]
  close(): Promise<void>
}

export async function startRedisCluster(): Promise<TestCluster> {
  const bus = await freePorts(3)
  const nodes = await Promise.all(
    bus.map((port, n) =>
      startRedis([
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(port),
        '--cluster-config-file',
        `nodes-${n}.conf`,
        '--cluster-node-timeout',
        '2000',
      ]),
    ),
  )
  const hosts = nodes.map(({ url }) => url.slice('redis://'.length))
  const cli = findProgram('redis-cli') ?? 'redis-cli'
  await promisify(execFile)(cli, ['--cluster', 'create', ...hosts, '--cluster-yes'])
  return {
    url: `redis-cluster://${hosts.join(',')}`,
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}
