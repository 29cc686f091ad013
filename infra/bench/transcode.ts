import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { chunkPosition, decodeChunk } from '@odeon/common/chunk.ts'
import type { SpaceEvent } from '@odeon/common/events.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { newSpaceId } from '@odeon/common/ids.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { chunksKey, logKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { MIX_ENCODER, openEncoder } from '@odeon/common/opus.ts'
import { FIRST, type EntryId, type Log, type Ports } from '@odeon/common/ports.ts'
import { chunkStart, RENDITIONS, type Rendition } from '@odeon/common/rendition.ts'
import { FRAME_MS, FRAME_SAMPLES, FRAMES_PER_SEGMENT, SAMPLE_RATE } from '@odeon/common/time.ts'
import { runLiveJob } from '@odeon/transcoder/live-job.ts'
import { createTranscoderMetrics } from '@odeon/transcoder/metrics.ts'
import { writeOpusChunks } from '@odeon/transcoder/opus-chunks.ts'
import { decode, speech } from '../e2e/sound.ts'
import { percentile } from './figures.ts'

/**
 * `npm run bench:transcode -- [spaces] [ms a phase]`: what a live space costs a transcoder, ffmpeg included, and how long after a frame of the log the chunk
 * with it is written. The logs are fed in real time with recorded speech and with the events of people who talk. Feeding alone is measured
 * first, since it happens in the same process, then the Opus rendition alone, then whole live jobs. Linux only (`/proc`).
 */

const SPACES = Number(process.argv[2] ?? 16)
const GOAL_PERCENT = 1.5
const SETTLE_MS = 6000
const MEASURE_MS = Number(process.argv[3] ?? 15_000)
/** Logs of these are followed for the delays and bit rates; others only cost. */
const WATCHED = 3

/** The speech of a mix, as log entries of a loop of whole segments: with a stage each half segment, and levels ten times a second. */
async function speechEntries(): Promise<Uint8Array[]> {
  const pcm = await decode(speech('host-en'), SAMPLE_RATE)
  const encoder = await openEncoder(MIX_ENCODER)
  const people = Array.from({ length: 5 }, (_, n) => `person00000${n}`)
  const stage: SpaceEvent = {
    type: 'stage',
    title: 'An evening with voices',
    members: people.map((id) => ({
      id,
      name: `Person of ${id}`,
      role: 'speaker',
      muted: 'no',
      connected: true,
    })),
    talking: people.slice(0, 1),
  }
  const frames = FRAMES_PER_SEGMENT * Math.floor(pcm.length / FRAME_SAMPLES / FRAMES_PER_SEGMENT)
  const entries = Array.from({ length: frames }, (_, frame) => {
    const events: SpaceEvent[] = []
    if (frame % (FRAMES_PER_SEGMENT / 2) === 0) events.push(stage)
    if (frame % 5 === 0) events.push({ type: 'levels', levels: { [people[0]!]: 60 + (frame % 90) } })
    const opus = encoder.encode(pcm.subarray(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES))
    return encodeLogEntry({ kind: 'frame', opus, events })
  })
  encoder.close()
  return entries
}

interface Feed {
  jobs: SpaceJob[]
  /** When a frame of a space was written, epoch ms. */
  writtenAt(space: number, frame: number): number
  stop(): void
}

const now = (): number => performance.timeOrigin + performance.now()

/** Writes the logs of so many spaces, each frame when its 20 ms are over; they began at different moments of a segment. */
function feed(log: Log, entries: Uint8Array[], count: number): Feed {
  const begun = Math.ceil(now())
  const jobs = Array.from({ length: count }, (_, n) => ({
    id: newSpaceId(),
    startedAt: begun + Math.round((n * FRAMES_PER_SEGMENT * FRAME_MS) / count),
  }))
  const moments = jobs.map((): number[] => [])
  const timer = setInterval(() => {
    jobs.forEach(({ id, startedAt }, n) => {
      const mine = moments[n]!
      for (let frame = mine.length; startedAt + (frame + 1) * FRAME_MS <= now(); frame++) {
        mine.push(now())
        void log.append(logKey(id), frameId(1, frame), entries[frame % entries.length]!)
      }
    })
  }, 2)
  return {
    jobs,
    writtenAt: (space, frame) => moments[space]![frame] ?? NaN,
    stop: () => clearInterval(timer),
  }
}

interface Chunks {
  /** ms from the log's frame with the last sample of a chunk to the chunk. */
  delays: number[]
  bytes: number
  seconds: number
}

async function watchChunks(log: Log, fed: Feed, space: number, rendition: Rendition, signal: AbortSignal) {
  const chunks: Chunks = { delays: [], bytes: 0, seconds: 0 }
  const { id } = fed.jobs[space]!
  let after: EntryId = (await log.newest(chunksKey(id, rendition.name)))?.id ?? FIRST
  while (!signal.aborted) {
    for (const entry of await log.read(chunksKey(id, rendition.name), after, { waitMs: 1000, signal })) {
      after = entry.id
      const { bytes } = decodeChunk(entry.body)
      const end = chunkStart(rendition, chunkPosition(entry.id)) + rendition.chunkSamples
      chunks.delays.push(now() - fed.writtenAt(space, Math.ceil(end / FRAME_SAMPLES) - 1))
      chunks.bytes += bytes.length
      chunks.seconds += rendition.chunkSamples / SAMPLE_RATE
    }
  }
  return chunks
}

const CLOCK_TICKS = 100 // A second, of `/proc/<pid>/stat`: Linux has no other in user space.

/** The processes that this one started and that still run. */
const children = (): number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const [state, parent] = statOf(Number(name))
      return Number(parent) === process.pid && state !== 'Z' ? [Number(name)] : []
    } catch {
      return [] // It is gone.
    }
  })

/** What stands behind the name in `/proc/<pid>/stat`: state, parent, … */
const statOf = (pid: number): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')

/** Seconds of CPU. */
const cpuOf = (pid: number): number => {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS
}

/** Its own share of memory, MB: what it shares with others is divided among them. */
const memoryOf = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN) / 1024

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
  const looking = new AbortController()
  const found = look(fed, looking.signal)
  const cost = await measure(MEASURE_MS)
  const memory = {
    node: memoryOf(process.pid),
    ffmpeg: children().reduce((sum, pid) => sum + memoryOf(pid), 0),
  }
  looking.abort()
  const result = { cost, memory, found: await found }
  stop.abort()
  await Promise.all(working)
  fed.stop()
  for (const { id } of fed.jobs)
    for (const key of [logKey(id), chunksKey(id, 'aac'), chunksKey(id, 'opus')])
      await ports.log.expire(key, 1)
  return result
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
    const each = (percent: number): number => Math.round((percent / SPACES) * 1000) / 1000
    const cpu = {
      feeding: each(fed.cost.node),
      opus: each(packed.cost.node - fed.cost.node),
      node: each(live.cost.node - fed.cost.node),
      ffmpeg: each(live.cost.ffmpeg),
      total: each(live.cost.node - fed.cost.node + live.cost.ffmpeg),
    }
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
    row(`                         together (goal ${GOAL_PERCENT})`, cpu.total, '% of a core')
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
      JSON.stringify({ spaces: SPACES, cpuPercentPerSpace: cpu, memoryMb: memory, renditions: live.found }),
    )
    if (cpu.total > GOAL_PERCENT) process.exitCode = 1
  } finally {
    await ports.jobs.close()
    await Promise.all([ports.log.close(), ports.objects.close(), ports.store.close()])
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
