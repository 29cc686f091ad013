import { setTimeout as pause } from 'node:timers/promises'
import { openRedis } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisJobs } from '@odeon/common/adapters/redis/jobs.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { liveQueue } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { HAS_CLUSTER, startCluster } from '../e2e/cluster.ts'
import { percentile } from './figures.ts'
import { children, cpuOf, memoryOf } from './proc.ts'
import { feed, speechEntries, watchChunks, type Feed } from './space-feed.ts'

/**
 * `npm run bench:spaces -- [step] [most]`: how many live spaces one transcoder process (and its ffmpegs) and one Redis carry on this machine until an AAC chunk
 * comes more than 100 ms after the log has its last frame. Logs are fed by this process, which stands for the ingest nodes and takes its part of the
 * machine, as does the S3 server. Linux only (`/proc`).
 */

const STEP = Number(process.argv[2] ?? 10)
const MOST = Number(process.argv[3] ?? 100)
const LATE_MS = 100
const SETTLE_MS = 6000
const MEASURE_MS = 8000
/** Of each step's spaces so many are watched, so that watching costs little. */
const WATCHED = 2

interface Row {
  spaces: number
  p50: number
  p99: number
  worst: number
  /** % of a core a space. */
  node: number
  ffmpeg: number
  redis: number
  feeding: number
  /** Of the whole machine's cores, with everything. */
  operations: number
  memoryMb: number
  redisKb: number
}

async function main(): Promise<void> {
  const logger = createLogger('silent')
  const cluster = await startCluster({ ODEON_REPLICA: 'a' })
  const redis = await openRedis({ url: cluster.redis.url, logger })
  const [log, jobs] = [openRedisLog({ redis }), openRedisJobs({ redis, logger })]
  const feeds: Feed[] = []
  const rows: Row[] = []
  let carried = 0
  const value = async (section: string, name: string): Promise<number> =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await redis.call('INFO', section)))?.[1] ?? NaN)
  try {
    const transcoder = await cluster.start('transcoder')
    const [node, server] = [transcoder.child.pid!, cluster.redis.process().child.pid!]
    const entries = await speechEntries()
    const empty = await value('memory', 'used_memory')
    console.log(
      `\n  spaces   frame to chunk, ms          % of a core, a space              Redis, a space       MB, a space\n` +
        `              p50    p99  worst     node  ffmpeg   redis (feeding)   operations/s      kB\n`,
    )
    for (let spaces = STEP; spaces <= MOST; spaces += STEP) {
      const fed = feed(log, entries, STEP)
      feeds.push(fed)
      for (const job of fed.jobs) await jobs.add(liveQueue('a'), job.id, job)
      await pause(SETTLE_MS)
      const looking = new AbortController()
      const watched = feeds.flatMap((each) =>
        Array.from({ length: WATCHED }, (_, n) => watchChunks(log, each, n, AAC, looking.signal)),
      )
      const encoders = children(node)
      const cpu = (): number[] => [
        cpuOf(node),
        encoders.reduce((sum, pid) => sum + cpuOf(pid), 0),
        cpuOf(server),
        cpuOf(process.pid),
      ]
      const [before, commands, began] = [
        cpu(),
        await value('stats', 'total_commands_processed'),
        performance.now(),
      ]
      await pause(MEASURE_MS)
      const seconds = (performance.now() - began) / 1000
      const [ours, encoding, theirs, feeding] = cpu().map(
        (used, n) => ((used - before[n]!) / seconds / spaces) * 100,
      )
      const operations = ((await value('stats', 'total_commands_processed')) - commands) / seconds / spaces
      looking.abort()
      const delays = (await Promise.all(watched)).flatMap((chunks) => chunks.delays)
      const memory = encoders.reduce((sum, pid) => sum + memoryOf(pid), memoryOf(node))
      const row: Row = {
        spaces,
        p50: percentile(delays, 0.5),
        p99: percentile(delays, 0.99),
        worst: percentile(delays, 1),
        node: ours!,
        ffmpeg: encoding!,
        redis: theirs!,
        feeding: feeding!,
        operations,
        memoryMb: memory / spaces,
        redisKb: ((await value('memory', 'used_memory')) - empty) / 1024 / spaces,
      }
      rows.push(row)
      const f = (number: number, width: number, digits = 2): string => number.toFixed(digits).padStart(width)
      console.log(
        `  ${f(spaces, 6, 0)} ${f(row.p50, 8, 0)} ${f(row.p99, 6, 0)} ${f(row.worst, 6, 0)} ${f(row.node, 8)} ${f(row.ffmpeg, 7)} ${f(row.redis, 7)} ${f(row.feeding, 9)} ${f(row.operations, 14, 0)} ${f(row.redisKb, 7, 0)} ${f(row.memoryMb, 17, 1)}`,
      )
      if (encoders.length < spaces) console.error(`only ${encoders.length} of ${spaces} spaces are encoded`)
      if (row.p99 <= LATE_MS) carried = spaces
      else if (rows.length > 1 && rows.at(-2)!.p99 > LATE_MS) break // One bad moment of the machine is not the end.
    }
    console.log(`\n  ${carried} spaces before the 99th percentile was later than ${LATE_MS} ms\n`)
    const rounded = rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, number]) => [name, Math.round(number * 100) / 100])),
    )
    console.log(JSON.stringify({ bench: 'spaces', carried, rows: rounded }))
  } finally {
    for (const each of feeds) each.stop()
    await jobs.close()
    await log.close()
    await redis.close()
    await cluster.close()
  }
}

if (!HAS_CLUSTER) {
  console.error('needs redis-server and MinIO, as the tests of a cluster do')
  process.exit(1)
}
await main()
