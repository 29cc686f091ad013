/** Picks one now and then, of however many: true at most twice a second for a space, of this node. */
export type Sampler = (space: string) => boolean

const EVERY_MS = 500
/** Spaces remembered; past that, all are forgotten. */
const KEPT_SPACES = 1000

export function createSampler(now: () => number): Sampler {
  const picked = new Map<string, number>()
  return (space) => {
    if (now() - (picked.get(space) ?? -Infinity) < EVERY_MS) return false
    if (picked.size >= KEPT_SPACES) picked.clear()
    picked.set(space, now())
    return true
  }
}
