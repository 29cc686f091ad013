import type { TimedEvent } from '@odeon/common/events.ts'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import { chunksKey, logKey } from '@odeon/common/keys.ts'
import { chunkAt, chunkStart, OPUS } from '@odeon/common/rendition.ts'
import { FRAME_SAMPLES, type ChunkPosition } from '@odeon/common/time.ts'
import { readFrames } from './frame-reader.ts'
import { keepWriting, type Publish, type WritingOptions } from './keep-writing.ts'
import { KEPT_SEGMENTS } from './segment-store.ts'

/** Writes the Opus rendition to its last chunk: the packets of the log as they are. It is for live listening, and kept for a minute. */
export function writeOpusChunks(options: WritingOptions): Promise<void> {
  return keepWriting(OPUS, options, (from, publish) => packFrom(from, publish, options))
}

async function packFrom(from: ChunkPosition, publish: Publish, options: WritingOptions): Promise<void> {
  const { job, ports, signal } = options
  const { startedAt } = job
  let frames: Uint8Array[] = []
  let events: TimedEvent[] = []
  const send = async (last: boolean): Promise<boolean> => {
    const over = await publish({ frames, events: { v: 1, startedAt, events }, last })
    frames = []
    events = []
    return over
  }
  const pieces = readFrames({
    log: ports.log,
    key: logKey(job.id),
    from: chunkStart(OPUS, from) / FRAME_SAMPLES,
    startedAt,
    signal,
    worthWaking: (next) => Math.ceil((next + 1) / OPUS.framesPerChunk) * OPUS.framesPerChunk - 1,
    onDamaged: () => {}, // The AAC rendition counts them.
  })
  for await (const piece of pieces) {
    if (piece.kind === 'end') return void (await send(true))
    const { frame, opus } = piece
    frames.push(opus ?? SILENT_PACKET)
    for (const event of piece.events) events.push({ ...event, frame })
    if (frames.length < OPUS.framesPerChunk) continue
    if (await send(false)) return
    const { msn, chunk } = chunkAt(OPUS, (frame + 1) * FRAME_SAMPLES)
    if (chunk === 0 && msn > KEPT_SEGMENTS)
      await ports.log.trim(chunksKey(job.id, OPUS.name), { major: msn - KEPT_SEGMENTS, minor: 0 })
  }
  signal.throwIfAborted()
}
