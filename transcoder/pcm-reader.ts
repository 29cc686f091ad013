import type { SpaceEvent } from '@odeon/common/events.ts'
import { decodeLogEntry, frameId, frameOf, type LogEntry } from '@odeon/common/frame.ts'
import { openDecoder } from '@odeon/common/opus.ts'
import { FIRST, type Entry, type EntryId, type Log } from '@odeon/common/ports.ts'
import { FRAME_MS, FRAME_SAMPLES, MAX_HOLE_MS, type EpochMs } from '@odeon/common/time.ts'

/** The sound of a space as a function of its log. */
export type SpacePiece =
  /** Frame `frame`, 960 samples. Pieces come in order, without a gap. `pcm` is not changed afterwards. */
  | { kind: 'frame'; frame: number; pcm: Float32Array; events: SpaceEvent[] }
  /** `frame` is the first that does not exist. */
  | { kind: 'end'; frame: number; reason: string }

export interface SpaceReading {
  log: Log
  /** The key of the log. */
  key: string
  /** The first frame wanted. */
  from: number
  startedAt: EpochMs
  signal: AbortSignal
  /** An entry that could not be read; its frame becomes silence. */
  onDamaged: (error: unknown) => void
  /** The wall clock, ms. */
  now?: () => EpochMs
}

/** Frames decoded before the first one wanted, so that the decoder knows what an older one would know. */
const WARM_UP_FRAMES = 10
const MAX_HOLE_FRAMES = MAX_HOLE_MS / FRAME_MS
const WAIT_MS = 1000
const SILENCE = new Float32Array(FRAME_SAMPLES)

/**
 * Reads from frame `from` to the end of the space, waiting for what is still to come. A hole is silence of exactly its length, known once
 * there is an entry behind it. One of more than 60 s ends the space where it begins, also when nothing comes behind it. Returns without an
 * `end` when the signal aborts; what the log throws passes through.
 */
export async function* readSpace(reading: SpaceReading): AsyncGenerator<SpacePiece> {
  const { log, key, from, startedAt, signal, onDamaged, now = Date.now } = reading
  let after = await startingPoint(log, key, from - WARM_UP_FRAMES)
  let next = from
  let epoch = -1
  let decoder = await openDecoder()
  try {
    while (!signal.aborted) {
      const entries = await log.read(key, after, { waitMs: WAIT_MS, signal })
      if (entries.length === 0 && !signal.aborted && now() > startedAt + next * FRAME_MS + MAX_HOLE_MS) {
        yield { kind: 'end', frame: next, reason: 'hole' }
        return
      }
      for (const entry of entries) {
        after = entry.id
        const frame = frameOf(entry.id)
        if (frame < from - WARM_UP_FRAMES) continue
        if (frame - next > MAX_HOLE_FRAMES) {
          yield { kind: 'end', frame: next, reason: 'hole' }
          return
        }
        while (next < frame) yield { kind: 'frame', frame: next++, pcm: SILENCE, events: [] }
        const content = readEntry(entry, onDamaged)
        if (content?.kind === 'end') {
          yield { kind: 'end', frame: next, reason: content.reason }
          return
        }
        if (entry.id.major !== epoch) {
          // Another owner, another encoder: its first packet builds on nothing.
          epoch = entry.id.major
          decoder.close()
          decoder = await openDecoder()
        }
        let pcm: Float32Array = SILENCE
        try {
          if (content?.kind === 'frame') pcm = decoder.decode(content.opus)
          if (pcm.length !== FRAME_SAMPLES)
            throw new Error(`Frame ${frame} has ${pcm.length} samples instead of ${FRAME_SAMPLES}.`)
        } catch (error) {
          onDamaged(error)
          pcm = SILENCE
        }
        if (frame < next) continue
        yield { kind: 'frame', frame: next++, pcm, events: content?.kind === 'frame' ? content.events : [] }
      }
    }
  } finally {
    decoder.close()
  }
}

function readEntry(entry: Entry, onDamaged: (error: unknown) => void): LogEntry | undefined {
  try {
    return decodeLogEntry(entry.body)
  } catch (error) {
    onDamaged(error)
    return undefined
  }
}

/**
 * An id after which every entry of frame `frame` and later comes. Frames grow along the log, but an id begins with the epoch of the owner,
 * and who owned a frame is not known: usually it is the newest owner; else the log, which is trimmed, is read from its first entry.
 */
async function startingPoint(log: Log, key: string, frame: number): Promise<EntryId> {
  if (frame <= 0) return FIRST
  const newest = await log.newest(key)
  if (!newest) return FIRST
  const epoch = newest.id.major
  const [first] = await log.read(key, frameId(epoch, -1), { limit: 1 }) // The first after its claim.
  return first && frameOf(first.id) <= frame ? frameId(epoch, frame - 1) : FIRST
}
