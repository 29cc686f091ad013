import { AppError } from '@odeon/common/errors.ts'
import type { Store } from '@odeon/common/ports.ts'
import { createBuckets } from './buckets.ts'

export interface Limits {
  /** New identities and new spaces a minute and client address. A person never meets these limits. */
  sessions: number
  spaces: number
  /** Hands a minute and person. */
  hands: number
  /** Links made or taken a minute and person. */
  links: number
  /** Reports a minute and person. */
  reports: number
  /** Pictures a minute and person, and a minute and client address. */
  faces: number
  pictures: number
}

export const DEFAULT_LIMITS: Limits = {
  sessions: 120,
  spaces: 30,
  hands: 30,
  links: 60,
  reports: 10,
  faces: 10,
  pictures: 60,
}

const WINDOW_MS = 60_000

/** Throws `too_many` (429) when an address, or a person, has used up his minute. */
export type RateLimit = (what: keyof Limits, who: string) => Promise<void>

/** Hands come by the thousand a second: each node counts them for itself. The others are counted in the store. `now` in ms. */
export function createRateLimit(store: Store, limits: Partial<Limits>, now: () => number): RateLimit {
  const most = { ...DEFAULT_LIMITS, ...limits }
  const hands = createBuckets({ perSecond: (most.hands * 1000) / WINDOW_MS, burst: most.hands }, now)
  return async (what, who) => {
    const ok =
      what === 'hands'
        ? hands.take(who)
        : (await store.increment(`limit:${what}:${who}`, 1, WINDOW_MS)) <= most[what]
    if (!ok) throw new AppError(429, 'too_many', `Too many new ${what} from here. Try again in a minute.`)
  }
}
