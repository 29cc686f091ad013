import type { EpochMs } from '@odeon/common/time.ts'

/**
 * The machine's clock with a fraction of a millisecond. The monotonic clock gives the fraction; whenever it has drifted out of the
 * millisecond that the wall clock shows (the system's clock was set, or slewed), it is put back into it.
 */
export function createClock(
  wall: () => EpochMs = Date.now,
  monotonic: () => number = () => performance.now(),
): () => EpochMs {
  let origin = wall() - monotonic()
  return () => {
    const millisecond = wall()
    const now = origin + monotonic()
    if (now >= millisecond && now < millisecond + 1) return now
    const inside = now < millisecond ? millisecond : millisecond + 0.999
    // Far off: the clock was set, and the start of the millisecond is as good as its end.
    const moved = Math.abs(inside - now) > 2 ? millisecond : inside
    origin += moved - now
    return moved
  }
}
