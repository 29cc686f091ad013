import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { decodeLogEntry } from '@odeon/common/frame.ts'
import { chunksKey, logKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { openDecoder } from '@odeon/common/opus.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { RENDITIONS } from '@odeon/common/rendition.ts'
import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import { startFfmpeg } from '@odeon/transcoder/ffmpeg.ts'
import { runLiveJob } from '@odeon/transcoder/live-job.ts'
import { createTranscoderMetrics } from '@odeon/transcoder/metrics.ts'
import { writeOpusChunks } from '@odeon/transcoder/opus-chunks.ts'
import { percentile } from './figures.ts'
import { children, cpuOf, memoryOf } from './proc.ts'
import { feed, speechEntries, watchChunks, type Chunks, type Feed } from './space-feed.ts'

/**
 * `npm run bench:transcode -- [spaces] [ms a phase]`: what a live space costs a transcoder, ffmpeg included, and how long after a frame of the log the chunk
 * with it is written. The logs are fed in real time with recorded speech and with the events of people who talk. Feeding alone is measured
 * first, since it happens in the same process, then the Opus rendition alone, then whole live jobs. Linux only (`/proc`).
 */

const SPACES = Number(process.argv[2] ?? 16)
/** Of a core, where ffmpeg alone encodes 246 times as fast as people speak, which is 0.41 % of it: as many times that are the goal elsewhere. */
const GOAL_PERCENT = 1.5
const GOAL_TIMES = GOAL_PERCENT / 0.41
const SETTLE_MS = 6000
const MEASURE_MS = Number(process.argv[3] ?? 15_000)
/** Logs of these are followed for the delays and bit rates; others only cost. */
const WATCHED = 3

interface Cost {
  /** Of a core, %: this process, and the children. */
  node: number
  ffmpeg: number
}

async function measure(ms: number): Promise<Cost> {
  const pids = children()
  const before = pids.map(cpuOf)
  const own = process.cpuUsage()
  const began = performance.now()
  await pause(ms)
  const seconds = (performance.now() - began) / 1000
  const used = process.cpuUsage(own)
  const ffmpeg = pids.reduce((sum, pid, n) => sum + cpuOf(pid) - before[n]!, 0)
  return { node: (used.user + used.system) / 1e4 / seconds, ffmpeg: (ffmpeg / seconds) * 100 }
}

/** Runs something for every space while its logs are fed; what that costs, and what `look` finds meanwhile. */
async function phase<T>(
  ports: Ports,
  entries: Uint8Array[],
  work: (job: SpaceJob, signal: AbortSignal) => Promise<void>,
  look: (fed: Feed, signal: AbortSignal) => Promise<T>,
): Promise<{ cost: Cost; found: T; memory: { node: number; ffmpeg: number } }> {
  const fed = feed(ports.log, entries, SPACES)
  const stop = new AbortController()
  const working = fed.jobs.map((job) => work(job, stop.signal).catch(() => {}))
  await pause(SETTLE_MS)
  const cost = await measure(MEASURE_MS)
  const memory = {
    node: memoryOf(process.pid),
    ffmpeg: children().reduce((sum, pid) => sum + memoryOf(pid), 0),
  }
  const found = await look(fed, AbortSignal.timeout(MEASURE_MS)) // Afterwards: whoever follows the chunks costs too.
  stop.abort()
  await Promise.all(working)
  fed.stop()
  for (const { id } of fed.jobs)
    for (const key of [logKey(id), chunksKey(id, 'aac'), chunksKey(id, 'opus')])
      await ports.log.expire(key, 1)
  return { cost, memory, found }
}

/** What ffmpeg needs for the AAC of ten minutes in one go, in % of a core at the pace of speech: it says how fast this machine is now. */
async function encodingAlone(entries: readonly Uint8Array[]): Promise<number> {
  const decoder = await openDecoder()
  const pcm = new Float32Array(entries.length * FRAME_SAMPLES)
  entries.forEach((entry, n) => {
    const content = decodeLogEntry(entry)
    if (content.kind === 'frame') pcm.set(decoder.decode(content.opus), n * FRAME_SAMPLES)
  })
  decoder.close()
  const ffmpeg = startFfmpeg({ onOutput: () => undefined })
  let seconds = 0
  while (seconds < 600) {
    await ffmpeg.write(pcm)
    seconds += pcm.length / SAMPLE_RATE
  }
  const used = cpuOf(ffmpeg.pid()!)
  await ffmpeg.stop()
  return (used / seconds) * 100
}

async function main(): Promise<void> {
  const logger = createLogger('silent')
  const folder = await mkdtemp(join(tmpdir(), 'odeon-bench-'))
  const ports = await openEmbeddedPorts({ folder, logger })
  const metrics = createTranscoderMetrics(new Registry())
  const entries = await speechEntries()
  const nothing = (): Promise<void> => Promise.resolve()
  const opus = (job: SpaceJob, signal: AbortSignal) =>
    writeOpusChunks({ job, ports, logger, metrics, signal })
  const whole = (job: SpaceJob, signal: AbortSignal) => runLiveJob({ job, ports, logger, metrics, signal })
  const watch = (fed: Feed, signal: AbortSignal) =>
    Promise.all(
      Object.values(RENDITIONS).map(async (rendition) => {
        const all = await Promise.all(
          Array.from({ length: Math.min(WATCHED, SPACES) }, (_, n) =>
            watchChunks(ports.log, fed, n, rendition, signal),
          ),
        )
        const delays = all.flatMap((chunks) => chunks.delays)
        const sum = (of: (chunks: Chunks) => number) => all.reduce((total, chunks) => total + of(chunks), 0)
        return {
          name: rendition.name,
          kbps: (sum(({ bytes }) => bytes) * 8) / sum(({ seconds }) => seconds) / 1000,
          p50: percentile(delays, 0.5),
          p95: percentile(delays, 0.95),
        }
      }),
    )
  try {
    const fed = await phase(ports, entries, nothing, nothing)
    const packed = await phase(ports, entries, opus, nothing)
    const live = await phase(ports, entries, whole, watch)
    const alone = await encodingAlone(entries)
    const each = (percent: number): number => Math.round((percent / SPACES) * 1000) / 1000
    const cpu = {
      feeding: each(fed.cost.node),
      opus: each(packed.cost.node - fed.cost.node),
      node: each(live.cost.node - fed.cost.node),
      ffmpeg: each(live.cost.ffmpeg),
      total: each(live.cost.node - fed.cost.node + live.cost.ffmpeg),
      encodingAlone: Math.round(alone * 1000) / 1000,
    }
    const times = Math.round((cpu.total / cpu.encodingAlone) * 100) / 100
    const memory = {
      node: Math.round(live.memory.node),
      ffmpeg: Math.round((live.memory.ffmpeg / SPACES) * 10) / 10,
    }
    const row = (name: string, value: number, unit: string) =>
      console.log(`  ${name.padEnd(46)} ${String(value).padStart(8)} ${unit}`)
    console.log(`\n  ${SPACES} live spaces, ${MEASURE_MS / 1000} s each\n`)
    row('Opus rendition, a space', cpu.opus, '% of a core')
    row('whole live job, a space: node', cpu.node, '% of a core')
    row('                         ffmpeg', cpu.ffmpeg, '% of a core')
    row('                         together', cpu.total, '% of a core')
    row('AAC encoding in one go', cpu.encodingAlone, '% of a core')
    row(`together, times that (goal ${GOAL_TIMES.toFixed(1)})`, times, '')
    row('(feeding its log, not counted above)', cpu.feeding, '% of a core')
    row('memory: this process, of all spaces', memory.node, 'MB')
    row('        ffmpeg, a space', memory.ffmpeg, 'MB')
    console.log('\n  rendition   kb/s with boxes and events   frame to chunk, ms: p50    p95\n')
    for (const { name, kbps, p50, p95 } of live.found)
      console.log(
        `  ${name.padEnd(9)} ${kbps.toFixed(1).padStart(29)} ${p50.toFixed(1).padStart(25)} ${p95.toFixed(1).padStart(6)}`,
      )
    console.log()
    console.log(
      JSON.stringify({
        spaces: SPACES,
        cpuPercentPerSpace: cpu,
        timesEncodingAlone: times,
        memoryMb: memory,
        renditions: live.found,
      }),
    )
    if (times > GOAL_TIMES) process.exitCode = 1
  } finally {
    await ports.jobs.close()
    await Promise.all([ports.log.close(), ports.objects.close(), ports.store.close()])
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
