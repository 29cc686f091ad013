import type { EpochMs } from '@odeon/common/time.ts'
import * as z from 'zod/mini'
import { pageOrigins } from './origins.ts'

/**
 * What lies between mouth and ear beyond the dates of the playlist, ms: a packet of the speaker, the stage's jitter buffer, the browser's
 * output. `npm run bench:latency` shows how near it is to what is heard.
 */
export const BEYOND_DATES_MS = 70

/** The machine's clock that does not jump when somebody sets it. */
export const localNow = (): EpochMs => performance.timeOrigin + performance.now()

export interface Sample {
  sent: EpochMs
  received: EpochMs
  /** What the server's clock showed in between. */
  server: EpochMs
}

/** What to add to our clock to have the server's: the try with the smallest round trip is wrong by half of that at most. */
export function offsetOf(samples: readonly Sample[]): number {
  const best = samples.reduce((a, b) => (b.received - b.sent < a.received - a.sent ? b : a))
  return best.server - (best.sent + best.received) / 2
}

const Time = z.object({ now: z.number() })
const TRIES = 5

/** The offset of the server's clock, ms. Throws when it can't be asked. */
export async function askServerClock(signal: AbortSignal): Promise<number> {
  const samples: Sample[] = []
  for (let tries = 0; tries < TRIES; tries++) {
    const sent = localNow()
    const response = await pageOrigins().fetch('/time', { cache: 'no-store', signal })
    const received = localNow()
    samples.push({ sent, received, server: Time.parse(await response.json()).now })
  }
  return offsetOf(samples)
}
