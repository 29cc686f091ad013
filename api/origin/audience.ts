import type { Rendition } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE, TARGET_DURATION, type EpochMs } from '@odeon/common/time.ts'

/** Whole seconds that an estimate looks back. */
const SECONDS = 5

/**
 * How many listen to a rendition of a space, told from what they ask for: a standard player asks for one playlist a part, a simple one for one
 * a target duration, ours for every segment once, by the time that it grows. Nothing is kept per listener.
 */
export class Audience {
  /** Listeners × seconds that the requests of one second stand for; a ring, indexed by the second. */
  readonly #seconds = Array.from({ length: SECONDS + 1 }, () => ({ second: 0, weight: 0 }))
  /** Who reads or awaits a segment: the newest three that were asked for. */
  #growing: { msn: number; readers: number }[] = []

  readonly #partSeconds: number

  constructor({ partSamples }: Rendition) {
    this.#partSeconds = partSamples / SAMPLE_RATE
  }

  playlistAsked(now: EpochMs, blocking: boolean): void {
    const second = Math.floor(now / 1000)
    const slot = this.#seconds[second % this.#seconds.length]!
    if (slot.second !== second) Object.assign(slot, { second, weight: 0 })
    slot.weight += blocking ? this.#partSeconds : TARGET_DURATION
  }

  /** Call the answer when the reader left before the segment was complete. */
  segmentAsked(msn: number): () => void {
    let entry = this.#growing.find((candidate) => candidate.msn === msn)
    if (!entry) {
      entry = { msn, readers: 0 }
      this.#growing = [...this.#growing, entry].sort((a, b) => a.msn - b.msn).slice(-3)
    }
    const counted = entry
    counted.readers++
    return () => void counted.readers--
  }

  /** `growing` is the number of the segment that grows now, undefined once nothing does. */
  listeners(now: EpochMs, growing: number | undefined): number {
    const current = Math.floor(now / 1000)
    const weight = this.#seconds
      .filter(({ second }) => second < current && second >= current - SECONDS)
      .reduce((sum, slot) => sum + slot.weight, 0)
    const readers = this.#growing.find(({ msn }) => msn === growing)?.readers ?? 0
    return Math.round(weight / SECONDS) + readers
  }
}
