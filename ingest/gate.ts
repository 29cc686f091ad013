import FFT from 'fft.js'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'

/**
 * Tells speech from the noise of a room, frame by frame: how far ten bands between 100 Hz and 8 kHz stand out of what is always there in
 * them. Bands, since a fan fills the low ones and leaves the others to the voice.
 */
export class Gate {
  readonly #fft = new FFT(WINDOW)
  readonly #input: number[] = new Array<number>(2 * WINDOW).fill(0)
  readonly #spectrum: number[] = new Array<number>(2 * WINDOW).fill(0)
  readonly #slow = new Float32Array(SLOW_SAMPLES)
  readonly #floor = BANDS.map(() => new Floor())
  #hang = 0
  #recent = 0
  #speech = false
  #contrast = 0
  #heard = 0
  /** Of the newest frames, dB. */
  readonly #levels = new Float64Array(4)
  #at = 0

  /** The frame is to be heard: a voice, or the pause after its words. */
  get open(): boolean {
    return this.#hang > 0
  }
  /** The frame that was judged last holds a voice. */
  get speech(): boolean {
    return this.#speech
  }
  /**
   * Voice in at least three of the last five frames: no click. In the first 0.8 s, in which the room is still learnt, only what changes as
   * voices do.
   */
  get certain(): boolean {
    return COUNT[this.#recent]! >= CERTAIN && (this.#heard >= LEARNT || this.#lively())
  }
  /** How far the last frame stood out, dB, mean over the bands. */
  get contrast(): number {
    return this.#contrast
  }

  /** Judges the next 20 ms; undefined where nothing was sent. */
  update(frame: Float32Array | undefined): void {
    this.#contrast = frame ? this.#judge(frame) : 0
    this.#speech = this.#contrast > (this.open ? STAY_OPEN : OPEN)
    this.#recent = ((this.#recent << 1) | (this.#speech ? 1 : 0)) & 0x1f
    if (this.#speech) this.#hang = Math.max(this.#hang, this.certain ? HANG : SHORT_HANG)
    else if (this.#hang > 0) this.#hang--
  }

  /** A noise that has just been switched on stays as it is; the first frame of anything is a step. */
  #lively(): boolean {
    return this.#heard > this.#levels.length && Math.max(...this.#levels) - Math.min(...this.#levels) > LIVELY
  }

  #judge(frame: Float32Array): number {
    const slow = this.#slow
    let energy = 0
    for (let i = 0; i < SLOW_SAMPLES; i++) {
      const x = (frame[3 * i]! + frame[3 * i + 1]! + frame[3 * i + 2]!) / 3
      slow[i] = x
      energy += x * x
    }
    // Digital silence (a muted track, a browser's noise suppression) says nothing about the room.
    if (!(energy > NOTHING)) return 0
    if (this.#heard < LEARNT) this.#heard++
    this.#levels[this.#at++ % this.#levels.length] = 10 * Math.log10(energy)
    // The first and the last 16 ms of the frame as one complex signal: the powers of both add up in its spectrum.
    for (let i = 0; i < WINDOW; i++) {
      const w = HANN[i]!
      this.#input[2 * i] = slow[i]! * w
      this.#input[2 * i + 1] = slow[SLOW_SAMPLES - WINDOW + i]! * w
    }
    this.#fft.transform(this.#spectrum, this.#input)
    const z = this.#spectrum
    let sum = 0
    for (let b = 0; b < BANDS.length; b++) {
      const [from, to] = BANDS[b]!
      let power = 0
      for (let k = from; k < to; k++) {
        const m = 2 * (WINDOW - k)
        power += z[2 * k]! ** 2 + z[2 * k + 1]! ** 2 + z[m]! ** 2 + z[m + 1]! ** 2
      }
      const level = 10 * Math.log10((power * SCALE) / (to - from) + 1e-14)
      const above = level - Math.max(this.#floor[b]!.update(level), LOWEST)
      sum += above < 0 ? 0 : above > MOST ? MOST : above
    }
    return sum / BANDS.length
  }
}

/** What is always there in a band: the smallest level of the last seconds, of a smoothed course. */
class Floor {
  readonly #minima = new Float32Array(PIECES).fill(Infinity)
  #at = 0
  #frames = 0
  #smooth = NaN
  #floor = FIRST_FLOOR
  #age = 0

  /** The floor before `level`, dB, and takes `level` into account. */
  update(level: number): number {
    this.#smooth = this.#smooth === this.#smooth ? this.#smooth + 0.25 * (level - this.#smooth) : level
    if (this.#smooth < this.#minima[this.#at]!) this.#minima[this.#at] = this.#smooth
    if (++this.#frames === PIECE_FRAMES) {
      this.#frames = 0
      this.#at = (this.#at + 1) % PIECES
      this.#minima[this.#at] = this.#smooth
    }
    let least = Infinity
    for (let p = 0; p < PIECES; p++) if (this.#minima[p]! < least) least = this.#minima[p]!
    const aim = least + BIAS
    const rise = this.#age < SETTLED ? FIRST_RISE : RISE
    this.#age++
    this.#floor = Math.min(aim, this.#floor + rise)
    return this.#floor
  }
}

/** Judged at 16 kHz. */
const SLOW_SAMPLES = FRAME_SAMPLES / 3
const WINDOW = 256
const HANN = Float64Array.from(
  { length: WINDOW },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW),
)
/** So that a band's level is the mean power of its bins, two windows and two sides of the spectrum counted. */
const SCALE = 1 / (2 * WINDOW * HANN.reduce((sum, w) => sum + w * w, 0))
/** First bin and the one after the last, 62.5 Hz each. */
const BANDS = [
  [2, 4],
  [4, 7],
  [7, 11],
  [11, 16],
  [16, 22],
  [22, 32],
  [32, 45],
  [45, 64],
  [64, 96],
  [96, 128],
] as const
/** −90 dBFS over a frame. */
const NOTHING = 1e-9 * SLOW_SAMPLES
const LOWEST = -96
const MOST = 25
const PIECES = 12
const PIECE_FRAMES = 10
const BIAS = 3
/** dB a frame; a new room is learnt faster. */
const RISE = 0.4
const FIRST_RISE = 2
const SETTLED = 50
const FIRST_FLOOR = -80
const OPEN = 5
const STAY_OPEN = 3.5
const CERTAIN = 3
const LEARNT = 40
/** dB; 80 ms of a steady noise differ by 2. */
const LIVELY = 4
/** 700 ms: sentences have such pauses. */
const HANG = 35
/** 60 ms, for what may be a click. */
const SHORT_HANG = 3
const COUNT = Uint8Array.from(
  { length: 32 },
  (_, bits) => [1, 2, 4, 8, 16].filter((bit) => bits & bit).length,
)
