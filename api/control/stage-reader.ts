import type { StageEvent } from '@odeon/common/events.ts'
import { decodeLogEntry } from '@odeon/common/frame.ts'
import { logKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'
import { FRAMES_PER_SEGMENT } from '@odeon/common/time.ts'

export interface StageView {
  members: StageEvent['members']
  talking: string[]
}

/** Who is on stage now, for pages that do not hear the space: read from the tail of its log. */
export type StageReader = (space: string) => Promise<StageView | null>

/** A segment of the log holds two snapshots at least. */
const TAIL_FRAMES = FRAMES_PER_SEGMENT
const KEPT_MS = 1000
/** Spaces remembered; past that, all are forgotten and read again. */
const KEPT_SPACES = 1000

export function createStageReader(log: Log, now: () => number): StageReader {
  const kept = new Map<string, { at: number; view: Promise<StageView | null> }>()
  return (space) => {
    const known = kept.get(space)
    if (known && now() - known.at < KEPT_MS) return known.view
    if (kept.size >= KEPT_SPACES) kept.clear()
    const view = readTail(log, space)
    kept.set(space, { at: now(), view })
    view.catch(() => kept.delete(space))
    return view
  }
}

async function readTail(log: Log, space: string): Promise<StageView | null> {
  const newest = await log.newest(logKey(space))
  if (!newest) return null
  const { major, minor } = newest.id
  const entries = await log.read(logKey(space), { major, minor: Math.max(0, minor - TAIL_FRAMES) })
  let view = null as StageView | null
  for (const { body } of entries) {
    const entry = tryDecode(body)
    if (entry?.kind !== 'frame') continue
    for (const event of entry.events) {
      if (event.type === 'stage') view = { members: event.members, talking: event.talking }
      else if (event.type === 'talking' && view) view = { ...view, talking: event.ids }
    }
  }
  return view
}

function tryDecode(body: Uint8Array): ReturnType<typeof decodeLogEntry> | undefined {
  try {
    return decodeLogEntry(body)
  } catch {
    return undefined // The transcoder counts damaged entries; here the next one serves as well.
  }
}
