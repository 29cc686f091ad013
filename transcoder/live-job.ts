import { setTimeout as delay } from 'node:timers/promises'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { aacChunksKey, ARCHIVE_QUEUE, inboxKey, logKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import {
  AAC_FRAME_SAMPLES,
  AAC_FRAMES_PER_CHUNK,
  aacChunkStart,
  FRAME_SAMPLES,
  nextAacChunk,
  wallClock,
  type ChunkPosition,
} from '@odeon/common/time.ts'
import { firstSampleFor, startAacEncoder, type AacEncoder } from './aac-encoder.ts'
import { ChunkWriter, continuation } from './chunk-writer.ts'
import { cmafChunk } from './cmaf.ts'
import { EventsByChunk } from './events-by-chunk.ts'
import type { TranscoderMetrics } from './metrics.ts'
import { readSpace } from './pcm-reader.ts'
import { storeSegments } from './segment-store.ts'

export interface LiveJobOptions {
  job: SpaceJob
  ports: Ports
  ffmpegPath?: string | undefined
  logger: Logger
  metrics: TranscoderMetrics
  /** Stop without ending the space: another goes on. The job then throws the signal's reason. */
  signal: AbortSignal
  /** How long another worker may take over a chunk before we write it, ms; 0 unless told. */
  lateMs?: number
  /** Each time a new ffmpeg has begun to give frames. */
  onEncoder?: (pid: number | undefined) => void
}

/** The logs of a space that is over, for those who still listen to its end. */
const EXPIRE_MS = 5 * 60_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 800 // A dead ffmpeg is replaced within a second.
/** Attempts in a row that wrote nothing, about four minutes, before the job is given back. */
const MAX_FRUITLESS_ATTEMPTS = 300

/**
 * Turns the log of a space into chunks and its chunks into stored segments, until its end is stored and the archive job ordered. May run
 * twice at once, and again after any interruption: it goes on after the newest chunk.
 */
export async function runLiveJob(options: LiveJobOptions): Promise<void> {
  const { job, ports, logger, metrics } = options
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const guard = async (task: Promise<void>) => {
    try {
      await task
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  metrics.liveJobs.inc()
  try {
    const tasks = await Promise.allSettled([
      guard(writeChunks({ ...options, signal })),
      guard(storeSegments({ id: job.id, ports, logger, metrics, signal })),
    ])
    if (failed.signal.aborted) throw failed.signal.reason
    for (const task of tasks) if (task.status === 'rejected') throw task.reason
    await ports.jobs.add(ARCHIVE_QUEUE, job.id, job)
    for (const key of [logKey(job.id), inboxKey(job.id), aacChunksKey(job.id)])
      await ports.log.expire(key, EXPIRE_MS)
  } finally {
    metrics.liveJobs.dec()
  }
}

/** Writes chunks to the last one, with as many encoders as it takes. */
async function writeChunks(options: LiveJobOptions): Promise<void> {
  const { job, ports, logger, metrics, signal, lateMs = 0 } = options
  const key = aacChunksKey(job.id)
  const writer = new ChunkWriter({ log: ports.log, key, lateMs, signal })
  let fruitless = 0
  for (;;) {
    signal.throwIfAborted()
    const progress = { chunks: 0 }
    try {
      const from = await continuation(ports.log, key, nextAacChunk)
      if (from.kind === 'over') return
      await encodeFrom(from.position, writer, progress, options)
      return
    } catch (error) {
      signal.throwIfAborted()
      fruitless = progress.chunks > 0 ? 0 : fruitless + 1
      if (fruitless >= MAX_FRUITLESS_ATTEMPTS) throw error
      const died = error instanceof AppError && error.code === 'ffmpeg_died'
      if (died) metrics.ffmpegRestarts.inc()
      else metrics.attemptsFailed.inc()
      logger.warn({ space: job.id, error: messageOf(error) }, 'The encoder is started again.')
    }
    const pause = FIRST_PAUSE_MS * 2 ** Math.min(fruitless, 10)
    await delay(Math.min(pause, LONGEST_PAUSE_MS), undefined, { signal })
  }
}

/**
 * One encoder's life, up to the last chunk. Throws `ffmpeg_died`, what the log throws, and the reason of the signal.
 */
async function encodeFrom(
  position: ChunkPosition,
  writer: ChunkWriter,
  progress: { chunks: number },
  options: LiveJobOptions,
): Promise<void> {
  const { job, ffmpegPath, metrics, onEncoder } = options
  const over = new AbortController()
  const signal = AbortSignal.any([options.signal, over.signal])
  const firstFrame = aacChunkStart(position) / AAC_FRAME_SAMPLES
  const encoder = startAacEncoder({ firstFrame, ffmpegPath })
  const stop = () => void encoder.close()
  signal.addEventListener('abort', stop)
  const events = new EventsByChunk()
  const feeding = feed({ encoder, events, firstFrame, signal, options })
  // A log that fails ends the encoder, and so the reading of its output below; the error is thrown there.
  feeding.catch(stop)

  const publish = async (frames: readonly Uint8Array[], last: boolean): Promise<boolean> => {
    const start = aacChunkStart(position)
    const { startedAt } = job
    const inside = { v: 1 as const, startedAt, events: events.take(start) }
    const bytes = frames.length > 0 ? cmafChunk({ position, frames, events: inside }) : new Uint8Array(0)
    const written = await writer.write(position, { frames: frames.length, last, startedAt, bytes })
    if (written === 'written') {
      metrics.chunksWritten.inc()
      const due = wallClock(startedAt, start + frames.length * AAC_FRAME_SAMPLES)
      metrics.chunkDelay.observe(Math.max(0, Date.now() - due) / 1000)
    } else metrics.chunksThere.inc()
    if (progress.chunks++ === 0) onEncoder?.(encoder.pid())
    position = nextAacChunk(position)
    return last || written === 'over'
  }

  try {
    let frames: Uint8Array[] = []
    let count = firstFrame
    for await (const frame of encoder.frames()) {
      frames.push(frame)
      count++
      if (frames.length < AAC_FRAMES_PER_CHUNK) continue
      if (await publish(frames, false)) return
      frames = []
    }
    const exit = await encoder.exit
    if (exit.kind === 'crashed')
      throw new AppError(500, 'ffmpeg_died', `ffmpeg died (${exit.code}): ${exit.lastWords.join(' | ')}`)
    const end = await feeding
    options.signal.throwIfAborted()
    const wanted = end === undefined ? undefined : Math.ceil((end * FRAME_SAMPLES) / AAC_FRAME_SAMPLES)
    if (wanted !== count)
      throw new AppError(500, 'ffmpeg_died', `ffmpeg ended at AAC frame ${count}, wanted ${wanted}.`)
    await publish(frames, true)
  } finally {
    over.abort()
    signal.removeEventListener('abort', stop)
    await encoder.close()
    await feeding.catch(() => undefined)
  }
}

interface Feeding {
  encoder: AacEncoder
  events: EventsByChunk
  firstFrame: number
  signal: AbortSignal
  options: LiveJobOptions
}

/** Reads the log into the encoder. Answers the first frame that does not exist, or undefined when the signal aborted. */
async function feed({ encoder, events, firstFrame, signal, options }: Feeding): Promise<number | undefined> {
  const { job, ports, logger, metrics } = options
  const pieces = readSpace({
    log: ports.log,
    key: logKey(job.id),
    from: Math.floor(Math.max(0, firstSampleFor(firstFrame)) / FRAME_SAMPLES),
    startedAt: job.startedAt,
    signal,
    onDamaged: (error) => {
      metrics.damagedEntries.inc()
      logger.warn({ space: job.id, error: messageOf(error) }, 'A log entry was replaced by silence.')
    },
  })
  for await (const piece of pieces) {
    if (piece.kind === 'end') {
      await encoder.end()
      return piece.frame
    }
    const start = piece.frame * FRAME_SAMPLES
    events.add(piece.frame, piece.events)
    await encoder.write(start, piece.pcm)
  }
  return undefined
}
