import { FRAME_SAMPLES } from '@odeon/common/time.ts'

/** −1 dBFS: room for what a decoder's filters add. */
export const CEILING = 10 ** (-1 / 20)
/** How far the limiter looks ahead, and so its delay: 5 ms. */
export const LOOK_AHEAD = 240
const RELEASE = 1 - Math.exp(-1 / (0.08 * 48_000)) // 80 ms.

/**
 * A look-ahead peak limiter for one mix. The gain that a peak needs is reached before the peak comes, by a straight ramp, and let
 * go slowly after it; what stays below the ceiling is only delayed. Its output never exceeds the ceiling, whatever comes in.
 */
export class Limiter {
  readonly #delay = new Float32Array(LOOK_AHEAD)
  #at = 0
  #gain = 1
  /** Change of the gain for each sample until the peak ahead is met. */
  #slope = 0
  #aim = 1
  /** Samples until the nearest loud peak has left. */
  #hold = 0

  /** Goes on as `other` would, for a mix that has been the same as its so far. */
  follow(other: Limiter): void {
    this.#delay.set(other.#delay)
    this.#at = other.#at
    this.#gain = other.#gain
    this.#slope = other.#slope
    this.#aim = other.#aim
    this.#hold = other.#hold
  }

  /** Limits a frame in place; it comes out 5 ms later. NaN and infinity become silence. */
  process(frame: Float32Array): void {
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      let incoming = frame[i]!
      if (!Number.isFinite(incoming)) incoming = 0
      const size = Math.abs(incoming)
      if (size * this.#aim > CEILING) {
        this.#aim = CEILING / size
        this.#slope = Math.min(this.#slope, (this.#aim - this.#gain) / LOOK_AHEAD)
        this.#hold = LOOK_AHEAD
      } else if (size > CEILING) this.#hold = LOOK_AHEAD
      if (this.#gain > this.#aim) this.#gain = Math.max(this.#aim, this.#gain + this.#slope)
      else if (this.#hold > 0) this.#hold--
      else if (this.#gain < 1) {
        this.#gain += (1 - this.#gain) * RELEASE
        if (this.#gain > 0.9999) this.#gain = 1
        this.#aim = this.#gain
        this.#slope = 0
      }
      const outgoing = this.#delay[this.#at]! * this.#gain
      this.#delay[this.#at] = incoming
      this.#at = (this.#at + 1) % LOOK_AHEAD
      frame[i] = outgoing > CEILING ? CEILING : outgoing < -CEILING ? -CEILING : outgoing
    }
  }
}
