import { chunkPosition, decodeChunk } from '@odeon/common/chunk.ts'
import type { SpaceEvent } from '@odeon/common/events.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { newSpaceId } from '@odeon/common/ids.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { chunksKey, logKey } from '@odeon/common/keys.ts'
import { MIX_ENCODER, openEncoder } from '@odeon/common/opus.ts'
import { FIRST, type EntryId, type Log } from '@odeon/common/ports.ts'
import { chunkStart, type Rendition } from '@odeon/common/rendition.ts'
import { FRAME_MS, FRAME_SAMPLES, FRAMES_PER_SEGMENT, SAMPLE_RATE } from '@odeon/common/time.ts'
import { decode, speech } from '../e2e/sound.ts'

/** Live spaces without an ingest node: their logs, fed in real time, and what comes of them. */

/** The speech of a mix, as log entries of a loop of whole segments: with a stage each half segment, and levels ten times a second. */
export async function speechEntries(): Promise<Uint8Array[]> {
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

export interface Feed {
  jobs: SpaceJob[]
  /** When a frame of a space was written, epoch ms. */
  writtenAt(space: number, frame: number): number
  stop(): void
}

const now = (): number => performance.timeOrigin + performance.now()

/** Writes the logs of so many spaces, each frame when its 20 ms are over; they began at different moments of a segment. */
export function feed(log: Log, entries: Uint8Array[], count: number): Feed {
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

export interface Chunks {
  /** ms from the log's frame with the last sample of a chunk to the chunk. */
  delays: number[]
  bytes: number
  seconds: number
}

export async function watchChunks(
  log: Log,
  fed: Feed,
  space: number,
  rendition: Rendition,
  signal: AbortSignal,
) {
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
