import { SAMPLE_RATE } from '@odeon/common/time.ts'

/** One second-order section, normalised to a0 = 1. */
export interface Section {
  b0: number
  b1: number
  b2: number
  a1: number
  a2: number
}

/** A Butterworth high-pass of the second order: −3 dB at `hz`, 12 dB an octave below it. */
export function highPass(hz: number, rate = SAMPLE_RATE): Section {
  const k = Math.tan((Math.PI * hz) / rate)
  const norm = 1 / (1 + Math.SQRT2 * k + k * k)
  return {
    b0: norm,
    b1: -2 * norm,
    b2: norm,
    a1: 2 * (k * k - 1) * norm,
    a2: (1 - Math.SQRT2 * k + k * k) * norm,
  }
}

/** A running second-order filter, in the transposed direct form II. */
export class Biquad {
  readonly #section: Section
  #s1 = 0
  #s2 = 0

  constructor(section: Section) {
    this.#section = section
  }

  /** Filters `input` into `output`, which may be the same. */
  process(input: Float32Array, output: Float32Array): void {
    const { b0, b1, b2, a1, a2 } = this.#section
    let s1 = this.#s1
    let s2 = this.#s2
    for (let i = 0; i < input.length; i++) {
      const x = input[i]!
      const y = b0 * x + s1
      s1 = b1 * x - a1 * y + s2
      s2 = b2 * x - a2 * y
      output[i] = y
    }
    // What fades away after the sound would become denormal numbers, which are slow. NaN does not stay either.
    this.#s1 = Math.abs(s1) > TINY ? s1 : 0
    this.#s2 = Math.abs(s2) > TINY ? s2 : 0
  }

  reset(): void {
    this.#s1 = 0
    this.#s2 = 0
  }
}

const TINY = 1e-15
