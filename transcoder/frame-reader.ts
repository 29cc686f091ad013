import type { SpaceEvent } from '@odeon/common/events.ts'
import { decodeLogEntry, frameId, frameOf, type LogEntry } from '@odeon/common/frame.ts'
import { opusSamples } from '@odeon/common/opus-packet.ts'
import { FIRST, type Entry, type EntryId, type Log } from '@odeon/common/ports.ts'
import { FRAME_MS, FRAME_SAMPLES, MAX_HOLE_MS, type EpochMs } from '@odeon/common/time.ts'

/** The packets of a space as its log has them. */
export type LogPiece =
  /** Frame `frame`; they come in order, without a gap. No `opus` where the log has a hole, or nothing that can be read. */
  | { kind: 'frame'; frame: number; epoch: number; opus: Uint8Array | undefined; events: SpaceEvent[] }
  /** `frame` is the first that does not exist. */
  | { kind: 'end'; frame: number; reason: string }

export interface FrameReading {
  log: Log
  /** The key of the log. */
  key: string
  /** The first frame wanted. */
  from: number
  startedAt: EpochMs
  signal: AbortSignal
  /**
   * Which frame, `next` or a later one, its reader can first make something of; what comes before it is given with it, by one wake instead of
   * one for each frame, or a little after it was due. `next` unless told.
   */
  worthWaking?: (next: number) => number
  /** An entry that could not be read; its frame is one without a packet. */
  onDamaged: (error: unknown) => void
  /** The wall clock, ms. */
  now?: () => EpochMs
}

const MAX_HOLE_FRAMES = MAX_HOLE_MS / FRAME_MS
const WAIT_MS = 1000
/** Past the moment at which an awaited frame is due: then what came before it is given, the end of the space perhaps. */
const GRACE_MS = 2 * FRAME_MS

/**
 * Reads from frame `from` to the end of the space, waiting for what is still to come. A hole is known once there is an entry behind it. One of
 * more than 60 s ends the space where it begins, also when nothing comes behind it. Returns without an `end` when the signal aborts; what the
 * log throws passes through.
 */
export async function* readFrames(reading: FrameReading): AsyncGenerator<LogPiece> {
  const { log, key, from, startedAt, signal, onDamaged, worthWaking, now = Date.now } = reading
  let after = await startingPoint(log, key, from)
  let next = from
  while (!signal.aborted) {
    const awaited = worthWaking?.(next) ?? next
    if (awaited > next) {
      const waitMs = (awaited + 1 - next) * FRAME_MS + GRACE_MS
      await log.read(key, frameId(after.major, awaited - 1), { limit: 1, waitMs, signal })
    }
    const entries = await log.read(key, after, { waitMs: WAIT_MS, signal })
    if (entries.length === 0 && !signal.aborted && now() > startedAt + next * FRAME_MS + MAX_HOLE_MS) {
      yield { kind: 'end', frame: next, reason: 'hole' }
      return
    }
    for (const entry of entries) {
      after = entry.id
      const { major: epoch } = entry.id
      const frame = frameOf(entry.id)
      if (frame < next) continue
      if (frame - next > MAX_HOLE_FRAMES) {
        yield { kind: 'end', frame: next, reason: 'hole' }
        return
      }
      while (next < frame) yield { kind: 'frame', frame: next++, epoch, opus: undefined, events: [] }
      const content = readEntry(entry, onDamaged)
      if (content?.kind === 'end') {
        yield { kind: 'end', frame: next, reason: content.reason }
        return
      }
      const { opus, events } = content?.kind === 'frame' ? content : { opus: undefined, events: [] }
      yield { kind: 'frame', frame: next++, epoch, opus, events }
    }
  }
}

function readEntry(entry: Entry, onDamaged: (error: unknown) => void): LogEntry | undefined {
  let content: LogEntry
  try {
    content = decodeLogEntry(entry.body)
  } catch (error) {
    onDamaged(error)
    return undefined
  }
  const samples = content.kind === 'frame' ? opusSamples(content.opus) : FRAME_SAMPLES
  if (samples === FRAME_SAMPLES || content.kind !== 'frame') return content
  onDamaged(new Error(`Frame ${frameOf(entry.id)} has ${samples} samples instead of ${FRAME_SAMPLES}.`))
  return undefined
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
