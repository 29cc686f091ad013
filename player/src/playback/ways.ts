import type { Fault } from './growing/follower.ts'
import type { Trouble } from './sound.ts'

/**
 * Which of the two ways to listen is taken next: growing segments, or standard LL-HLS for a while after they did not get through as they grow.
 * Pure; `now` is ms on any steady clock.
 */

const FIRST_RETURN_MS = 60_000
const LAST_RETURN_MS = 15 * 60_000
/** Twice at another place of the timeline within this is no restart, but a fault of this way. */
const ELSEWHERE_MS = 10_000

export class Ways {
  #standardUntil = -Infinity
  #returnMs = FIRST_RETURN_MS
  #elsewhereAt = -Infinity

  /** How long standard LL-HLS is to be played from now on, ms; 0: growing segments. */
  standardFor(now: number): number {
    return Math.max(0, this.#standardUntil - now)
  }

  /** What a fault of the growing segments is to the one who keeps the sound playing. */
  faulted(fault: Fault, now: number): Trouble {
    switch (fault.kind) {
      case 'gone':
        return { kind: 'network', status: 404 }
      case 'unreachable':
        return { kind: 'network', status: 0 }
      case 'elsewhere': {
        const again = now - this.#elsewhereAt < ELSEWHERE_MS
        this.#elsewhereAt = now
        if (again) this.#standardUntil = now + this.#returnMs
        return { kind: 'change' }
      }
      case 'bursts':
      case 'broken':
        this.#standardUntil = now + this.#returnMs
        this.#returnMs = Math.min(LAST_RETURN_MS, this.#returnMs * 2) // Where it fails again, it is tried less often.
        return { kind: 'change' }
    }
  }
}
