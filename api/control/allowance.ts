import type { Store } from '@odeon/common/ports.ts'
import { createBuckets } from './buckets.ts'

/** How much somebody may do, on all nodes together. */
export interface Allowance {
  /** False when `who` has used up what he has. Never throws, and waits a fraction of a second at most. */
  take(who: string): Promise<boolean>
}

export interface AllowanceOptions {
  /** Of the counter. */
  name: string
  /** Of a node. */
  perSecond: number
  /** What may come at once, at a node. */
  burst: number
  /** Of all nodes, in a window. */
  most: number
  windowMs: number
  /** So much in a window each node lets through without asking: most people never do more. 0 unless told. */
  free?: number
  /** Where all nodes count together; undefined where there is only one. */
  store: Pick<Store, 'increment'> | undefined
  /** It was let through by this node's own count alone, since the store did not answer. */
  onAlone(): void
  /** ms */
  now(): number
}

/** What somebody does waits so long for the store. */
const PATIENCE_MS = 300
/** A store that did not answer is not asked again for so long. */
const REST_MS = 1000

/**
 * Counts on this node first, which refuses a flood without asking anybody, then in the store: one increment. While the store is away each node counts for
 * itself: who does ten things at once may then do as many at each, and nobody is stopped.
 */
export function createAllowance(options: AllowanceOptions): Allowance {
  const { name, perSecond, burst, most, windowMs, free = 0, store, onAlone, now } = options
  const own = createBuckets({ perSecond, burst }, now)
  const freely =
    free > 0 ? createBuckets({ perSecond: free / (windowMs / 1000), burst: free }, now) : undefined
  let askAgainAt = -Infinity
  return {
    async take(who) {
      if (!own.take(who)) return false
      if (!store || freely?.take(who)) return true
      if (now() >= askAgainAt) {
        const sum = await soon(store.increment(`limit:${name}:${who}`, 1, windowMs))
        if (sum !== undefined) return sum <= most
        askAgainAt = now() + REST_MS
      }
      onAlone()
      return true
    },
  }
}

/** Undefined when it fails, or takes too long. */
async function soon(sum: Promise<number>): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, undefined)))
  try {
    return await Promise.race([sum.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}
