import type { Sound } from '@odeon/common/internal.ts'
import type { FrameDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { JitterBuffer, type Playout } from './jitter-buffer.ts'
import type { MediaPacket } from './rtp.ts'
import { openStrip, type Strip } from './strip.ts'

/** One speaker's sound: packets in, in any order; a frame of PCM out on every beat. */
export class Voice {
  readonly jitter = new JitterBuffer()
  readonly #decoder: FrameDecoder
  readonly #strip: Strip
  /** Decoded and not yet played: an Opus packet may hold up to 120 ms. */
  readonly #pcm = new Float32Array(5760 + FRAME_SAMPLES)
  #filled = 0
  readonly #frame = new Float32Array(FRAME_SAMPLES)
  #concealed = 0
  #undecodable = 0

  constructor(decoder: FrameDecoder, sound: Sound = 'voice') {
    this.#decoder = decoder
    this.#strip = openStrip(sound)
  }

  /** Loudness of the last frame as it is mixed, dBFS. */
  get level(): number {
    return this.#strip.level
  }
  get talking(): boolean {
    return this.#strip.talking
  }
  /** Frames that were made up because their packet was lost. */
  get concealed(): number {
    return this.#concealed
  }
  get undecodable(): number {
    return this.#undecodable
  }

  push(packet: MediaPacket): void {
    this.jitter.push(packet)
  }

  /** The next 960 samples for the mix, valid until the next call and not to be changed; undefined while he says nothing. */
  pull(): Float32Array | undefined {
    let sounding = this.#filled > 0
    while (this.#filled < FRAME_SAMPLES) {
      const playout = this.jitter.next(this.level < QUIET)
      if (playout.kind !== 'silence') sounding = true
      this.#append(playout)
    }
    this.#frame.set(this.#pcm.subarray(0, FRAME_SAMPLES))
    this.#pcm.copyWithin(0, FRAME_SAMPLES, this.#filled)
    this.#filled -= FRAME_SAMPLES
    return this.#strip.process(sounding ? this.#frame : undefined)
  }

  #append(playout: Playout): void {
    const pcm = this.#decode(playout)
    const samples = Math.min(pcm?.length ?? playout.samples, this.#pcm.length - this.#filled)
    if (pcm) this.#pcm.set(pcm.subarray(0, samples), this.#filled)
    else this.#pcm.fill(0, this.#filled, this.#filled + samples)
    this.#filled += samples
  }

  /** PCM of the length that the playout says, or undefined for silence. */
  #decode(playout: Playout): Float32Array | undefined {
    if (playout.kind === 'silence') return undefined
    try {
      if (playout.kind === 'packet') return this.#decoder.decode(playout.payload)
      this.#concealed++
      const pcm = playout.kind === 'recover' ? this.#decoder.recover(playout.next) : this.#decoder.conceal()
      return pcm.subarray(0, playout.samples)
    } catch {
      this.#undecodable++ // A packet from outside may be anything; its place is silence.
      return undefined
    }
  }

  close(): void {
    this.#decoder.close()
  }
}

const QUIET = -55
