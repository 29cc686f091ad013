import type { FrameDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { JitterBuffer, type Playout } from './jitter-buffer.ts'
import { levelOf } from './mix.ts'
import type { MediaPacket } from './rtp.ts'
import { findPeriod, lengthen, MAX_LAG, MIN_LAG, shorten } from './stretch.ts'

export interface ReceiverOptions {
  decoder: FrameDecoder
  /** Uses in-band FEC; true unless a bench wants to know what it is worth. */
  fec?: boolean
  /** Makes up what is lost; true unless a bench wants to know what it is worth. */
  concealment?: boolean
}

/**
 * The receiving half of a voice: packets in, in any order; on every beat 20 ms of what was said, as it was said (48 kHz mono, −1 … 1).
 * Its delay follows the network by stretching the sound, a pitch period at a time. Knows nothing of loudness, gates or mixing.
 *
 * Moments are in ms by one steady clock, the same for both methods.
 */
export class Receiver {
  readonly jitter: JitterBuffer
  readonly #decoder: FrameDecoder
  readonly #concealment: boolean
  /** What was played last (MAX_LAG samples, for stretching), then what is decoded and not yet played. An Opus packet may hold up to 120 ms. */
  readonly #pcm = new Float32Array(MAX_LAG + 5760 + 3 * FRAME_SAMPLES)
  #filled = 0 // Samples not yet played.
  readonly #frame = new Float32Array(FRAME_SAMPLES)
  #beatAt = -Infinity
  #silent = true
  /** Samples made up on end. */
  #madeUp = 0
  /** Beats for which the delay has been longer than it needs to be, and for which a stretch has been wanted. */
  #tooLong = 0
  #wishing = 0
  #concealed = 0
  #undecodable = 0
  #stretched = 0

  constructor({ decoder, fec = true, concealment = true }: ReceiverOptions) {
    this.#decoder = decoder
    this.#concealment = concealment
    this.jitter = new JitterBuffer({ fec })
  }

  /** Frames that were made up because their packet was lost or late. */
  get concealed(): number {
    return this.#concealed
  }
  get undecodable(): number {
    return this.#undecodable
  }
  /** Samples put in or taken out to follow the network, both counted up. */
  get stretched(): number {
    return this.#stretched
  }
  /** How much older what comes out at the next beat is than it could be at the earliest, ms; undefined while nothing is playing. */
  get delayMs(): number | undefined {
    const slack = this.jitter.slack(this.#beatAt + FRAME_SAMPLES)
    return slack === undefined ? undefined : (slack + this.#filled) / 48
  }

  push(packet: MediaPacket, at = performance.now()): void {
    this.jitter.push(packet, at * 48)
  }

  /** The next 960 samples, valid until the next call; undefined for silence. */
  pull(at = performance.now()): Float32Array | undefined {
    const beat = this.#beat(at * 48)
    const wish = this.#wish(beat)
    if (this.#filled === 0 && this.#silent) {
      const playout = this.jitter.next(beat)
      if (playout.kind === 'silence') return undefined
      this.#append(playout)
    }
    let sounding = this.#filled > 0
    let made = false
    while (this.#filled < FRAME_SAMPLES || (wish < 0 && this.#wantsMore())) {
      const playout = this.jitter.next(beat)
      if (playout.kind !== 'silence') sounding = true
      if (playout.kind !== 'packet') made = true
      this.#append(playout)
    }
    if (wish !== 0 && sounding && !made) this.#stretch(wish)
    const start = MAX_LAG
    this.#frame.set(this.#pcm.subarray(start, start + FRAME_SAMPLES))
    this.#pcm.copyWithin(0, FRAME_SAMPLES, start + this.#filled)
    this.#filled -= FRAME_SAMPLES
    return sounding ? this.#frame : undefined
  }

  /** The moment of this beat on an even grid: a beat may come late, never early, and some may be left out. */
  #beat(at: number): number {
    const due = this.#beatAt + FRAME_SAMPLES
    this.#beatAt = at < due || at - due > MAX_LATE ? at : due
    return this.#beatAt
  }

  /**
   * Should samples be put in (above 0), or how many taken out (below 0)? Packets come whole, and on every beat one is asked for; so what is left over
   * from the last packet is delay that helps nobody, and a shorter delay is won only a whole frame at a time.
   */
  #wish(beat: number): number {
    const over = this.#filled % FRAME_SAMPLES
    const slack = this.jitter.slack(beat + this.#filled - over)
    if (slack === undefined) return (this.#tooLong = this.#wishing = 0)
    const spare = slack - this.jitter.wanted
    this.#tooLong = spare - FRAME_SAMPLES > TOLERANCE ? this.#tooLong + 1 : 0
    let wish = 0
    if (spare < -TOLERANCE) wish = 1
    else if (this.#tooLong > PATIENCE || (this.#tooLong > 0 && spare > HURRY)) wish = -FRAME_SAMPLES - over
    else if (over >= MIN_LAG && spare >= 0) wish = -over
    this.#wishing = wish === 0 ? 0 : this.#wishing + 1
    return wish
  }

  /** To take something out, there must be two periods of it. */
  #wantsMore(): boolean {
    return this.#filled < FRAME_SAMPLES + MAX_LAG && this.jitter.ready
  }

  #stretch(wish: number): void {
    const longest = wish > 0 ? MAX_LAG : Math.min(MAX_LAG, -wish, this.#filled - FRAME_SAMPLES)
    if (longest < MIN_LAG) return
    const start = MAX_LAG
    const end = start + this.#filled
    let lag = longest
    if (levelOf(this.#pcm.subarray(start, start + FRAME_SAMPLES)) > QUIET) {
      const [pcm, from] = wish < 0 ? [this.#pcm.subarray(start, end), 0] : [this.#pcm.subarray(0, end), start]
      const match =
        wish < 0 ? findPeriod(pcm, from, MIN_LAG, longest) : findPeriod(pcm, from, -longest, -MIN_LAG)
      // A good moment is worth waiting for, but not long.
      if (match.likeness < LIKENESS - this.#wishing * IMPATIENCE) return
      lag = Math.abs(match.lag)
    }
    if (wish < 0)
      this.#filled = shorten(this.#pcm.subarray(start), this.#filled, lag, Math.min(lag, this.#filled - lag))
    else this.#filled = lengthen(this.#pcm, start, end, lag) - start
    this.#stretched += lag
  }

  #append(playout: Playout): void {
    const at = MAX_LAG + this.#filled
    if (playout.kind === 'silence') {
      const samples = FRAME_SAMPLES - this.#filled
      this.#pcm.fill(0, at, at + samples)
      // The last sample fades, so that nothing clicks.
      const last = this.#silent ? 0 : this.#pcm[at - 1]!
      for (let i = 0; i < Math.min(RAMP, samples); i++) this.#pcm[at + i] = last * (1 - (i + 1) / RAMP)
      this.#filled += samples
      this.#silent = true
      this.#madeUp = 0
      return
    }
    const samples = Math.min(playout.samples, this.#pcm.length - at)
    this.#decode(playout, this.#pcm.subarray(at, at + samples))
    if (this.#silent) for (let i = 0; i < Math.min(RAMP, samples); i++) this.#pcm[at + i]! *= (i + 1) / RAMP
    this.#silent = false
    this.#filled += samples
  }

  #decode(playout: Exclude<Playout, { kind: 'silence' }>, out: Float32Array): void {
    try {
      if (playout.kind === 'packet') {
        copy(this.#decoder.decode(playout.payload), out)
        this.#madeUp = 0
        return
      }
      this.#concealed++
      if (playout.kind === 'recover') {
        copy(this.#decoder.recover(playout.next), out)
        this.#madeUp = 0
        return
      }
    } catch {
      this.#undecodable++ // A packet from outside may be anything.
    }
    this.#conceal(out)
  }

  /** What may have been said; after 80 ms it fades. */
  #conceal(out: Float32Array): void {
    out.fill(0)
    if (!this.#concealment) return
    for (let from = 0; from < out.length && this.#madeUp < FADE_END; from += FRAME_SAMPLES) {
      const part = out.subarray(from, from + FRAME_SAMPLES)
      try {
        copy(this.#decoder.conceal(), part)
      } catch {
        return // Silence it is.
      }
      for (let i = 0; i < part.length; i++)
        part[i]! *= Math.min(1, Math.max(0, (FADE_END - this.#madeUp - i) / (FADE_END - FADE_FROM)))
      this.#madeUp += part.length
    }
  }

  close(): void {
    this.#decoder.close()
  }
}

/** dBFS */
const QUIET = -55
const TOLERANCE = 2 * 48
/** Beats. */
const PATIENCE = 25
/** So much too long, there is no waiting. */
const HURRY = 60 * 48
/** Of two periods that are faded into one another; and how much of it is given up on each beat of waiting. */
const LIKENESS = 0.9
const IMPATIENCE = 0.02
const RAMP = 120
const FADE_FROM = 80 * 48
const FADE_END = 120 * 48
const MAX_LATE = 500 * 48

/** What a decoder puts above full scale when it is fed a voice is less than this. Fed noise, it may put thousands. */
const LOUDEST = 2

function copy(pcm: Float32Array, out: Float32Array): void {
  const samples = Math.min(pcm.length, out.length)
  for (let i = 0; i < samples; i++) {
    const x = pcm[i]!
    out[i] = x > LOUDEST ? LOUDEST : x >= -LOUDEST ? x : x < -LOUDEST ? -LOUDEST : 0 // The last for NaN.
  }
  out.fill(0, samples)
}
