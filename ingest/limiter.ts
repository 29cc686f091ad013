import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { LARGEST_OVERSHOOT, sizesOf, TAPS } from './true-peak.ts'

/** −1 dBTP, and a hair below it: room for what the filters of decoders and converters add. */
export const CEILING = 10 ** (-1.01 / 20)
/** How far the limiter looks ahead, and so its delay: 5 ms. */
export const LOOK_AHEAD = 240
/** The gain is there when the first sample that makes up a peak goes out. */
const RAMP = LOOK_AHEAD - TAPS
/** A waveform below this can't exceed the ceiling between its samples: no need to look. */
const SAFE = CEILING / LARGEST_OVERSHOOT
const RELEASE = 1 - Math.exp(-1 / (0.08 * 48_000)) // 80 ms.

/**
 * A look-ahead limiter for the true peaks of one mix (ITU-R BS.1770-4 annex 2). The gain that a peak needs is reached before the peak comes, by
 * a straight ramp, and let go slowly after it; what stays below the ceiling is only delayed. Whatever comes in, its samples never exceed the
 * ceiling. Looking between the samples is left out where they are too small for it to matter.
 */
export class Limiter {
  /** What waits to go out, then the frame that came in. */
  readonly #line = new Float32Array(LOOK_AHEAD + FRAME_SAMPLES)
  readonly #outgoing = this.#line.subarray(0, FRAME_SAMPLES)
  /** Of the samples that came in. */
  readonly #sizes = new Float32Array(FRAME_SAMPLES)
  #gain = 1
  /** Change of the gain for each sample until the peak ahead is met. */
  #slope = 0
  #aim = 1
  /** Samples until the nearest loud peak has left. */
  #hold = 0
  /** Samples whose surroundings are still to be looked at between the samples. */
  #hot = 0

  /** Goes on as `other` would, for a mix that has been the same as its so far. */
  follow(other: Limiter): void {
    this.#line.set(other.#line)
    this.#gain = other.#gain
    this.#slope = other.#slope
    this.#aim = other.#aim
    this.#hold = other.#hold
    this.#hot = other.#hot
  }

  /** Limits a frame in place; it comes out 5 ms later. NaN and infinity become silence. */
  process(frame: Float32Array): void {
    const line = this.#line
    line.set(frame, LOOK_AHEAD)
    if (this.#atRest() && peakOf(frame) <= SAFE) frame.set(this.#outgoing)
    else this.#limit(frame)
    line.copyWithin(0, FRAME_SAMPLES)
  }

  #atRest(): boolean {
    return this.#gain === 1 && this.#aim === 1 && this.#hold === 0 && this.#hot === 0
  }

  #limit(frame: Float32Array): void {
    const line = this.#line
    const sizes = this.#sizes
    this.#hot = sizesOf(line, LOOK_AHEAD, SAFE, this.#hot, sizes)
    let gain = this.#gain
    let slope = this.#slope
    let aim = this.#aim
    let hold = this.#hold
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const size = sizes[i]!
      if (size * aim > CEILING) {
        aim = CEILING / size
        slope = Math.min(slope, (aim - gain) / RAMP)
      }
      if (size > CEILING) hold = LOOK_AHEAD
      if (gain > aim) gain = Math.max(aim, gain + slope)
      else if (hold > 0) hold--
      else if (gain < 1) {
        gain += (1 - gain) * RELEASE
        if (gain > 0.9999) gain = 1
        aim = gain
        slope = 0
      }
      frame[i] = Math.max(-CEILING, Math.min(CEILING, line[i]! * gain)) // A choice of a constant or a number would box each sample.
    }
    this.#gain = gain
    this.#slope = slope
    this.#aim = aim
    this.#hold = hold
  }
}

/** Infinity for a frame that holds NaN. */
function peakOf(frame: Float32Array): number {
  let peak = 0
  for (let i = 0; i < frame.length; i++) {
    const size = Math.abs(frame[i]!)
    if (!(size <= peak)) peak = size === size ? size : Infinity
  }
  return peak
}
