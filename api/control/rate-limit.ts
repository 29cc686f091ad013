import { AppError } from '@odeon/common/errors.ts'
import type { Store } from '@odeon/common/ports.ts'
import { createAllowance, type Allowance } from './allowance.ts'

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
/** Hands come by the thousand a second, each from somebody else: so many in a minute and node are not counted in the store. */
const FREE_HANDS = 3

/** Throws `too_many` (429) when an address, or a person, has used up his minute. */
export type RateLimit = (what: keyof Limits, who: string) => Promise<void>

export interface RateLimitOptions {
  store: Store
  limits: Partial<Limits>
  /** Other nodes use the same store. */
  shared: boolean
  /** A limit was kept by this node alone, since the store did not answer. */
  onAlone(): void
  /** ms */
  now(): number
}

/** Counted in the store, for all nodes together. While it is away each node counts for itself. */
export function createRateLimit({ store, limits, shared, onAlone, now }: RateLimitOptions): RateLimit {
  const most = { ...DEFAULT_LIMITS, ...limits }
  const allowances = new Map<keyof Limits, Allowance>()
  for (const [name, burst] of Object.entries(most) as [keyof Limits, number][]) {
    const where = name === 'hands' ? { free: FREE_HANDS, store: shared ? store : undefined } : { store }
    const perSecond = (burst * 1000) / WINDOW_MS
    const window = { burst, perSecond, most: burst, windowMs: WINDOW_MS }
    allowances.set(name, createAllowance({ name, ...window, ...where, onAlone, now }))
  }
  return async (what, who) => {
    if (await allowances.get(what)!.take(who)) return
    throw new AppError(429, 'too_many', `Too many new ${what} from here. Try again in a minute.`)
  }
}
