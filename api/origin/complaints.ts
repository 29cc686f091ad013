import type { Logger } from '@odeon/common/logger.ts'

/** Where the origin complains: what goes wrong for one listener goes wrong for thousands, and one line says it. */
export interface Complaints {
  warn(details: Record<string, unknown>, message: string): void
  error(details: Record<string, unknown>, message: string): void
}

/** A message is logged once in so many ms, with the number of times that it was held back since. */
const SELDOM_MS = 5000

/** `message` must be a constant: each is remembered. `now` answers ms. */
export function openComplaints(logger: Logger, now: () => number): Complaints {
  const said = new Map<string, { at: number; unsaid: number }>()
  const seldom =
    (level: 'warn' | 'error') =>
    (details: Record<string, unknown>, message: string): void => {
      const last = said.get(message)
      if (last && Math.abs(now() - last.at) < SELDOM_MS) return void last.unsaid++
      said.set(message, { at: now(), unsaid: 0 })
      logger[level](last?.unsaid ? { ...details, unsaid: last.unsaid } : details, message)
    }
  return { warn: seldom('warn'), error: seldom('error') }
}
