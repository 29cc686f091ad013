import { AppError } from '@odeon/common/errors.ts'
import type { Store } from '@odeon/common/ports.ts'

export interface Limits {
  /** New identities and new spaces a minute and client address. A person never meets them. */
  sessions: number
  spaces: number
}

export const DEFAULT_LIMITS: Limits = { sessions: 120, spaces: 30 }

const WINDOW_MS = 60_000

/** Throws `too_many` (429) when the address has used up its minute. */
export type RateLimit = (what: keyof Limits, address: string) => Promise<void>

export function createRateLimit(store: Store, limits: Limits): RateLimit {
  return async (what, address) => {
    const used = await store.increment(`limit:${what}:${address}`, 1, WINDOW_MS)
    if (used > limits[what])
      throw new AppError(429, 'too_many', `Too many new ${what} from here. Try again in a minute.`)
  }
}
