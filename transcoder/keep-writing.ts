import { setTimeout as delay } from 'node:timers/promises'
import type { Chunk } from '@odeon/common/chunk.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { chunksKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { chunkStart, nextChunk, type Rendition } from '@odeon/common/rendition.ts'
import { wallClock, type ChunkPosition } from '@odeon/common/time.ts'
import { ChunkWriter, continuation } from './chunk-writer.ts'
import { cmafChunk, type ChunkContent } from './cmaf.ts'
import type { TranscoderMetrics } from './metrics.ts'

export interface WritingOptions {
  job: SpaceJob
  ports: Pick<Ports, 'log'>
  logger: Logger
  metrics: TranscoderMetrics
  signal: AbortSignal
  /** How long another worker may take over a chunk before we write it, ms; 0 unless told. */
  lateMs?: number
}

/** Writes the next chunk; true when nothing comes after it. Without frames, which only the last one may be, it is nothing but the end. */
export type Publish = (chunk: Pick<ChunkContent, 'frames' | 'events'> & { last: boolean }) => Promise<boolean>

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 800 // A dead ffmpeg is replaced within a second.
/** Attempts in a row that wrote nothing, about four minutes, before the job is given back. */
const MAX_FRUITLESS_ATTEMPTS = 300

/**
 * Writes a rendition to its last chunk, with as many attempts as it takes: each begins after the newest chunk and publishes one after the
 * other until the space ends or something throws.
 */
export async function keepWriting(
  rendition: Rendition,
  options: WritingOptions,
  attempt: (from: ChunkPosition, publish: Publish) => Promise<void>,
): Promise<void> {
  const { job, ports, logger, metrics, signal, lateMs = 0 } = options
  const key = chunksKey(job.id, rendition.name)
  const writer = new ChunkWriter({ log: ports.log, key, lateMs, signal })
  let fruitless = 0
  for (;;) {
    signal.throwIfAborted()
    let written = 0
    try {
      const from = await continuation(ports.log, key, (newest) => nextChunk(rendition, newest))
      if (from.kind === 'over') return
      let position = from.position
      const publish: Publish = async (content) => {
        const over = await publishChunk(rendition, writer, position, content, options)
        position = nextChunk(rendition, position)
        written++
        return over
      }
      return await attempt(position, publish)
    } catch (error) {
      signal.throwIfAborted()
      fruitless = written > 0 ? 0 : fruitless + 1
      if (fruitless >= MAX_FRUITLESS_ATTEMPTS) throw error
      const died = error instanceof AppError && error.code === 'ffmpeg_died'
      if (died) metrics.ffmpegRestarts.inc()
      else metrics.attemptsFailed.inc()
      logger.warn(
        { space: job.id, rendition: rendition.name, error: messageOf(error) },
        'A rendition is taken up again.',
      )
    }
    const pause = FIRST_PAUSE_MS * 2 ** Math.min(fruitless, 10)
    await delay(Math.min(pause, LONGEST_PAUSE_MS), undefined, { signal })
  }
}

async function publishChunk(
  rendition: Rendition,
  writer: ChunkWriter,
  position: ChunkPosition,
  { frames, events, last }: Parameters<Publish>[0],
  { job: { startedAt }, metrics }: WritingOptions,
): Promise<boolean> {
  const bytes = frames.length > 0 ? cmafChunk({ rendition, position, frames, events }) : new Uint8Array(0)
  const chunk: Chunk = { frames: frames.length, last, startedAt, bytes }
  const written = await writer.write(position, chunk)
  const { name } = rendition
  if (written === 'written') {
    metrics.chunksWritten.inc({ rendition: name })
    const due = wallClock(startedAt, chunkStart(rendition, position) + frames.length * rendition.frameSamples)
    metrics.chunkDelay.observe({ rendition: name }, Math.max(0, Date.now() - due) / 1000)
  } else metrics.chunksThere.inc({ rendition: name })
  return last || written === 'over'
}
