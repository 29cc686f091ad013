import { FRAME_MS } from '@odeon/common/time.ts'
import { gatedPower, lufs } from './loudness.ts'

/** What a voice is brought to, LUFS. */
export const TARGET_LUFS = -16
/** dB. More than this would be a microphone that is not near him. */
export const MAX_GAIN = 24
export const MIN_GAIN = -15

/**
 * The gain that brings one speaker to −16 LUFS: the loudness of his last six seconds of speech, gated as BS.1770-4 says, decides; the
 * gain follows it at a few dB a second at first and at one later, and only while he speaks. Neither silence nor time changes it.
 */
export class Leveller {
  /** K-weighted powers of the last 400 ms of speech, by frames: a ring. */
  readonly #frames = new Float64Array(BLOCK_FRAMES)
  #frame = 0
  /** Powers of the newest blocks, a ring. */
  readonly #blocks = new Float64Array(BLOCKS)
  #count = 0
  #loudness: number | undefined
  #gain: number
  #moving = false

  /** `gain` to begin with, dB: of the same voice before, or none. */
  constructor(gain = 0) {
    this.#gain = gain
  }

  /** dB */
  get gain(): number {
    return this.#gain
  }
  /** LUFS of the speech itself; undefined before there was half a second of it. */
  get loudness(): number | undefined {
    return this.#loudness
  }

  /** Takes the K-weighted power of a frame of speech and moves the gain on by 20 ms. */
  hear(power: number): void {
    this.#frames[this.#frame++ % BLOCK_FRAMES] = power
    if (this.#frame >= BLOCK_FRAMES && this.#frame % STEP_FRAMES === 0) this.#measure()
    this.#move()
  }

  #measure(): void {
    let sum = 0
    for (let i = 0; i < BLOCK_FRAMES; i++) sum += this.#frames[i]!
    this.#blocks[this.#count++ % BLOCKS] = sum / BLOCK_FRAMES
    const power = gatedPower(this.#blocks, Math.min(this.#count, BLOCKS))
    this.#loudness = power > 0 ? lufs(power) : undefined
  }

  #move(): void {
    if (this.#loudness === undefined) return
    const wanted = Math.max(MIN_GAIN, Math.min(MAX_GAIN, TARGET_LUFS - this.#loudness))
    const error = wanted - this.#gain
    const size = Math.abs(error)
    // The first words say little yet: only a large error is one. Later small ones are left alone, so that the gain rests.
    const early = this.#count < EARLY_BLOCKS
    const rest = early ? 4 - 2.5 * (this.#count / EARLY_BLOCKS) : 1.5
    if (size > rest) this.#moving = true
    else if (size < 0.5) this.#moving = false
    if (!this.#moving) return
    const speed = Math.min(error > 0 ? (early ? 6 : 1.5) : early ? 10 : 3, 1 + size) // dB/s
    this.#gain += Math.sign(error) * Math.min(size, (speed * FRAME_MS) / 1000)
  }
}

const BLOCK_FRAMES = 20
const STEP_FRAMES = 5
const BLOCKS = 60
/** The first three seconds of speech. */
const EARLY_BLOCKS = 30
