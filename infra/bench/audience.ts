import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openRedis } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { HOW_TO_INSTALL_REDIS, REDIS_SERVER, startRedis } from '@odeon/common/adapters/testing/redis.ts'
import { chunkId, encodeChunk } from '@odeon/common/chunk.ts'
import { chunksKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import type { Log } from '@odeon/common/ports.ts'
import { chunkAt, RENDITIONS } from '@odeon/common/rendition.ts'
import { chunkMs, stampedChunk } from './audience-stamp.ts'
import { startServer, type ServerProcess } from './server-process.ts'

/**
 * `npm run bench:audience -- [most listeners] [aac]`: how many listeners one api node carries whose chunks come out of Redis, both ways of listening, beside a bare loop
 * that writes the same bytes at the same URLs. The crowd grows until the 99th percentile of the delay from the log to the listener is above 150 ms; what is
 * compared is listeners a core at the largest crowd that both served below it. The crowd is a process of its own: on two cores it is the other one.
 */

const words = process.argv.slice(2)
const MOST = Number(words.find((word) => /^\d+$/.test(word)) ?? 4000)
/** What our player plays, or what it plays where that can't be. */
const RENDITION = RENDITIONS[words.includes('aac') ? 'aac' : 'opus']
const CHUNK_MS = chunkMs(RENDITION)
const STEP = { growing: 1000, 'll-hls': 400 }
const GOAL_P99_MS = 150
/** Of the chunks: with fewer a listener is not served. (The bare loop has no past: who asks late gets the next one instead.) */
const ENOUGH = 0.9
const SETTLE_MS = 2500
const MEASURE_MS = 5000
const SPACE = 'benchspace'

type Way = keyof typeof STEP
/** How often a listener gets something. */
const PERIOD_MS = { growing: CHUNK_MS, 'll-hls': RENDITION.chunksPerPart * CHUNK_MS }
interface Step {
  listeners: number
  p50: number
  p99: number
  /** Of what was written, got. */
  share: number
  /** Of a core. */
  cpu: number
  clients: number
}

/** What the crowd says of itself: delays, ms; how many it saw, and how many requests went wrong. */
interface Report {
  p50: number
  p99: number
  count: number
  failed: number
}

const logger = createLogger('silent')

/** Writes chunks into the log, each when it is over; from a full window on. */
function feed(log: Log): () => void {
  const past = 12 * RENDITION.chunksPerSegment
  const startedAt = Date.now() - past * CHUNK_MS
  let next = 0
  const write = (): void => {
    for (; startedAt + (next + 1) * CHUNK_MS <= Date.now(); next++) {
      const body = encodeChunk({
        frames: RENDITION.framesPerChunk,
        last: false,
        startedAt,
        bytes: stampedChunk(RENDITION),
      })
      void log.append(
        chunksKey(SPACE, RENDITION.name),
        chunkId(chunkAt(RENDITION, next * RENDITION.chunkSamples)),
        body,
      )
    }
  }
  write()
  const timer = setInterval(write, 2)
  return () => clearInterval(timer)
}

interface Edge {
  msn: number
  part: number
}
async function edgeOf(odeon: ServerProcess, base: string): Promise<Edge> {
  const playlist = await (await fetch(`${odeon.url}${base}/index.m3u8`)).text()
  const [, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(playlist)!
  return { msn: Number(msn), part: Number(part) }
}

/** Lets the crowd grow at one server until it is late, or as large as it may be. */
async function grow(
  name: string,
  server: ServerProcess,
  crowd: ServerProcess,
  way: Way,
  begin: () => Promise<Edge>,
  base: string,
) {
  const steps: Step[] = []
  for (let listen = STEP[way]; listen <= MOST; listen += STEP[way]) {
    await crowd.ask(
      { listen, way, rendition: RENDITION.name, url: server.url, base, ...(await begin()) },
      'listening',
    )
    await pause(SETTLE_MS)
    await crowd.ask('reset', 'reset')
    const [busy, own, began] = [await server.cpu(), await crowd.cpu(), performance.now()]
    await pause(MEASURE_MS)
    const passed = (performance.now() - began) * 1000
    const [cpu, clients] = [((await server.cpu()) - busy) / passed, ((await crowd.cpu()) - own) / passed]
    const { p50, p99, count, failed } = await crowd.ask<Report>('report', 'report')
    if (failed > 0) console.error(`${failed} requests of ${listen} listeners failed`)
    const share = count / ((listen * passed) / 1000 / PERIOD_MS[way])
    if (share < ENOUGH) console.error(`${listen} listeners of ${name} got ${share.toFixed(2)} of its chunks`)
    steps.push({ listeners: listen, p50, p99, share, cpu, clients })
    if (p99 > GOAL_P99_MS) break
  }
  await crowd.ask(
    { listen: 0, way, rendition: RENDITION.name, url: server.url, base, msn: 0, part: 0 },
    'listening',
  )
  return steps
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'odeon-bench-'))
  const redis = await startRedis()
  const connection = await openRedis({ url: redis.url, logger })
  const log = openRedisLog({ redis: connection })
  const stop = feed(log)
  const started: ServerProcess[] = []
  try {
    const odeon = await startServer('./audience-server.ts', ['odeon', folder, redis.url])
    started.push(odeon)
    const base = `/live/${SPACE}/${RENDITION.name}`
    const skipped = await edgeOf(odeon, base)
    const delta = await fetch(
      `${odeon.url}${base}/index.m3u8?_HLS_msn=${skipped.msn}&_HLS_part=0&_HLS_skip=YES`,
    )
    const bytes = (await delta.text()).length
    const bare = await startServer('./audience-server.ts', ['bare', String(bytes), RENDITION.name])
    started.push(bare)
    const result: Record<string, unknown> = {
      bench: 'audience',
      rendition: RENDITION.name,
      deltaPlaylistBytes: bytes,
    }
    console.log(
      `\n  way       listeners      p50 ms        p99 ms      cores of the server     cores of the crowd   ratio`,
    )
    console.log(
      `                      odeon  bare   odeon   bare   odeon   bare                odeon   bare\n`,
    )
    for (const way of ['growing', 'll-hls'] as const) {
      const crowd = await startServer('./audience-clients.ts', [])
      started.push(crowd)
      const edgeOfBare = async (): Promise<Edge> => ({
        msn: Number(await (await fetch(`${bare.url}/edge`)).text()),
        part: 0,
      })
      const theirs = await grow('bare', bare, crowd, way, edgeOfBare, base)
      const ours = await grow('odeon', odeon, crowd, way, () => edgeOf(odeon, base), base)
      await crowd.stop()
      const rows = ours.flatMap((step, n) => (theirs[n] ? [{ step, other: theirs[n] }] : []))
      for (const { step, other } of rows) {
        const f = (value: number, width: number, digits = 1): string => value.toFixed(digits).padStart(width)
        console.log(
          `  ${way.padEnd(9)} ${String(step.listeners).padStart(9)} ${f(step.p50, 6)} ${f(other.p50, 6)} ${f(step.p99, 7)} ${f(other.p99, 6)} ${f(step.cpu, 7, 2)} ${f(other.cpu, 6, 2)} ${f(step.clients, 20, 2)} ${f(other.clients, 6, 2)} ${f(other.cpu / step.cpu, 7, 2)}`,
        )
      }
      const best = rows
        .filter(
          ({ step, other }) => step.p99 <= GOAL_P99_MS && step.share >= ENOUGH && other.p99 <= GOAL_P99_MS,
        )
        .at(-1)
      if (!best) continue
      const perCore = ({ listeners, cpu }: Step): number => Math.round(listeners / cpu)
      result[way] = {
        listeners: best.step.listeners,
        p50: Math.round(best.step.p50),
        p99: Math.round(best.step.p99),
        listenersPerCore: perCore(best.step),
        bareListenersPerCore: perCore(best.other),
        ratio: Math.round((perCore(best.step) / perCore(best.other)) * 100) / 100,
      }
    }
    console.log()
    console.log(JSON.stringify(result))
  } finally {
    stop()
    for (const server of started) await server.stop()
    await log.close()
    await connection.close()
    await redis.close()
    rmSync(folder, { recursive: true })
  }
}

if (!REDIS_SERVER) {
  console.error(HOW_TO_INSTALL_REDIS)
  process.exit(1)
}
await main()
