import { AppError, messageOf } from '@odeon/common/errors.ts'
import { logKey } from '@odeon/common/keys.ts'
import { AAC, chunkStart } from '@odeon/common/rendition.ts'
import { AAC_FRAME_SAMPLES, FRAME_SAMPLES, type ChunkPosition } from '@odeon/common/time.ts'
import { enoughAfter, firstSampleFor, startAacEncoder, type AacEncoder } from './aac-encoder.ts'
import { EventsByChunk } from './events-by-chunk.ts'
import { keepWriting, type Publish, type WritingOptions } from './keep-writing.ts'
import { readSpace } from './pcm-reader.ts'

export interface AacOptions extends WritingOptions {
  ffmpegPath?: string | undefined
  /** Each time a new ffmpeg has begun to give frames. */
  onEncoder?: (pid: number | undefined) => void
}

/** Writes the AAC rendition to its last chunk, with as many encoders as it takes. */
export function writeAacChunks(options: AacOptions): Promise<void> {
  return keepWriting(AAC, options, (from, publish) => encodeFrom(from, publish, options))
}

/**
 * One encoder's life, up to the last chunk. Throws `ffmpeg_died`, what the log throws, and the reason of the signal.
 */
async function encodeFrom(from: ChunkPosition, publish: Publish, options: AacOptions): Promise<void> {
  const { ffmpegPath, onEncoder } = options
  const { startedAt } = options.job
  const over = new AbortController()
  const signal = AbortSignal.any([options.signal, over.signal])
  const firstFrame = chunkStart(AAC, from) / AAC_FRAME_SAMPLES
  const encoder = startAacEncoder({ firstFrame, ffmpegPath })
  const stop = () => void encoder.close()
  signal.addEventListener('abort', stop)
  const events = new EventsByChunk()
  const feeding = feed({ encoder, events, firstFrame, signal, options })
  // A log that fails ends the encoder, and so the reading of its output below; the error is thrown there.
  feeding.catch(stop)

  try {
    let start = chunkStart(AAC, from)
    const send = async (frames: Uint8Array[], last: boolean): Promise<boolean> => {
      const inside = { v: 1 as const, startedAt, events: events.take(start) }
      const done = await publish({ frames, events: inside, last })
      if (start === chunkStart(AAC, from)) onEncoder?.(encoder.pid())
      start += AAC.chunkSamples
      return done
    }
    let rest: Uint8Array[] = []
    let count = firstFrame
    for await (const frames of encoder.frames()) {
      count += frames.length
      if (frames.length < AAC.framesPerChunk) rest = frames
      else if (await send(frames, false)) return
    }
    const exit = await encoder.exit
    if (exit.kind === 'crashed')
      throw new AppError(500, 'ffmpeg_died', `ffmpeg died (${exit.code}): ${exit.lastWords.join(' | ')}`)
    const end = await feeding
    options.signal.throwIfAborted()
    const wanted = end === undefined ? undefined : Math.ceil((end * FRAME_SAMPLES) / AAC_FRAME_SAMPLES)
    if (wanted !== count)
      throw new AppError(500, 'ffmpeg_died', `ffmpeg ended at AAC frame ${count}, wanted ${wanted}.`)
    await send(rest, true)
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
  options: AacOptions
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
    worthWaking: (next) => Math.ceil(enoughAfter(next * FRAME_SAMPLES) / FRAME_SAMPLES) - 1,
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
