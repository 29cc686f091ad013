import type { Store } from '@odeon/common/ports.ts'
import { getSpace, type Space } from '@odeon/common/space.ts'

/** The document of a space, at most `KEPT_MS` old: for what comes thousands of times a second. A ban is obeyed that much later. */
export type NearSpaces = (id: string) => Promise<Space | undefined>

const KEPT_MS = 250
/** Spaces remembered; past that, all are forgotten and read again. */
const KEPT_SPACES = 1000

export function createNearSpaces(store: Store, now: () => number): NearSpaces {
  const kept = new Map<string, { at: number; space: Promise<Space | undefined> }>()
  return (id) => {
    const known = kept.get(id)
    if (known && now() - known.at < KEPT_MS) return known.space
    if (kept.size >= KEPT_SPACES) kept.clear()
    const space = getSpace(store, id)
    kept.set(id, { at: now(), space })
    space.catch(() => kept.delete(id))
    return space
  }
}
