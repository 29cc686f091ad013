import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import type { Sound } from '@odeon/common/internal.ts'
import { Biquad, highPass } from './biquad.ts'
import { Gate } from './gate.ts'
import { Leveller } from './leveller.ts'
import { KWeighting } from './loudness.ts'
import { levelOf } from './mix.ts'
import { TalkDetector } from './talking.ts'

/** Hz; the strip cuts off what is below. */
export const BELOW_A_VOICE = 80

/** What a speaker's sound goes through between his microphone and the mix. */
export interface Strip {
  /**
   * Works on a frame in place; undefined for nothing sent. Answers what goes into the mix, not to be changed, or undefined where there is
   * nothing to be mixed.
   */
  process(frame: Float32Array | undefined): Float32Array | undefined
  /** As it goes into the mix, dBFS: of the loudest frame a moment ago, for a meter that is read ten times a second. −100 for silence. */
  readonly level: number
  readonly talking: boolean
  /** What a voice was brought up or down by, dB; undefined for what passes as it comes. */
  readonly gain: number | undefined
}

/** `gain`: what the same speaker had before, dB. */
export const openStrip = (sound: Sound, gain?: number): Strip =>
  sound === 'music' ? new MusicStrip() : new VoiceStrip(gain)

/**
 * A voice: what is below it is cut off, a gate keeps the room out while he is silent, and his loudness is brought to that of the others. No
 * delay: the gate opens at the start of the frame in which the voice is found, and the frame with the first syllable passes whole.
 */
export class VoiceStrip implements Strip {
  readonly #highPass = new Biquad(highPass(BELOW_A_VOICE))
  readonly #weighting = new KWeighting()
  readonly #weighted = new Float32Array(FRAME_SAMPLES)
  readonly #gate = new Gate()
  readonly #leveller: Leveller
  /** What the last sample was multiplied by. */
  #factor = 0
  #level = -100
  #talking = false

  constructor(gain?: number) {
    this.#leveller = new Leveller(gain)
  }

  get level(): number {
    return this.#level
  }
  /** From the third frame of a voice until the gate closes. */
  get talking(): boolean {
    return this.#talking
  }
  get gain(): number {
    return this.#leveller.gain
  }

  process(frame: Float32Array | undefined): Float32Array | undefined {
    if (frame) this.#highPass.process(frame, frame)
    this.#gate.update(frame)
    const { open, certain } = this.#gate
    this.#talking = open && (this.#talking || certain)
    if (!frame || (!open && this.#factor === 0)) {
      this.#factor = 0
      this.#level = -100
      return open ? SILENCE : undefined // Between two words of one whose client sends no silence: he is still talking.
    }
    if (open) {
      this.#weighting.process(frame, this.#weighted)
      if (certain) this.#leveller.hear(meanSquare(this.#weighted))
    }
    this.#scale(frame, open ? 10 ** (this.#leveller.gain / 20) : 0)
    this.#level = Math.max(levelOf(frame), this.#level - METER_FALL)
    return frame
  }

  /** Opens within 2.5 ms, fades within a few frames, and moves in a straight line between two gains. */
  #scale(frame: Float32Array, aim: number): void {
    let factor = this.#factor
    if (aim === 0 && factor > FADED) aim = factor * FADE
    const samples = factor === 0 ? ATTACK : FRAME_SAMPLES
    const step = (aim - factor) / samples
    for (let i = 0; i < samples; i++) frame[i]! *= factor += step
    for (let i = samples; i < FRAME_SAMPLES; i++) frame[i]! *= aim
    this.#factor = aim
  }
}

/** Music, or a voice from a studio: as it comes. */
export class MusicStrip implements Strip {
  readonly gain = undefined
  readonly #talk = new TalkDetector()
  #silent = SILENT_FRAMES
  #level = -100
  #talking = false

  get level(): number {
    return this.#level
  }
  get talking(): boolean {
    return this.#talking
  }

  process(frame: Float32Array | undefined): Float32Array | undefined {
    const level = frame ? levelOf(frame) : -100
    this.#level = Math.max(level, this.#level - METER_FALL, -100)
    this.#talking = this.#talk.update(level)
    this.#silent = level > INAUDIBLE ? 0 : this.#silent + 1
    // After a second of nothing there is nobody to be mixed, even if his client sends the nothing.
    return this.#silent < SILENT_FRAMES ? (frame ?? SILENCE) : undefined
  }
}

function meanSquare(frame: Float32Array): number {
  let sum = 0
  for (let i = 0; i < frame.length; i++) sum += frame[i]! * frame[i]!
  return sum / frame.length
}

/** dB a frame */
const METER_FALL = 4
const SILENCE = new Float32Array(FRAME_SAMPLES)
/** 2.5 ms: no click, and nothing of a consonant lost. */
const ATTACK = 120
/** 9 dB a frame, down to −34 dB and out. */
const FADE = 0.35
const FADED = 0.02
const INAUDIBLE = -85
const SILENT_FRAMES = 50
