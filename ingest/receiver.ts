import type { FrameDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { JitterBuffer, type Playout } from './jitter-buffer.ts'
import { levelOf } from './mix.ts'
import type { MediaPacket } from './rtp.ts'

/**
 * The receiving half of a voice: packets in, in any order; on every beat 20 ms of what was said, as it was said (48 kHz mono, −1 … 1).
 * Knows nothing of loudness, gates or mixing.
 */
export class Receiver {
  readonly jitter = new JitterBuffer()
  readonly #decoder: FrameDecoder
  /** Decoded and not yet played: an Opus packet may hold up to 120 ms. */
  readonly #pcm = new Float32Array(5760 + FRAME_SAMPLES)
  #filled = 0
  readonly #frame = new Float32Array(FRAME_SAMPLES)
  #quiet = true
  #concealed = 0
  #undecodable = 0

  constructor(decoder: FrameDecoder) {
    this.#decoder = decoder
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

  /** The next 960 samples, valid until the next call; undefined for silence. */
  pull(): Float32Array | undefined {
    let sounding = this.#filled > 0
    while (this.#filled < FRAME_SAMPLES) {
      const playout = this.jitter.next(this.#quiet)
      if (playout.kind !== 'silence') sounding = true
      this.#append(playout)
    }
    this.#frame.set(this.#pcm.subarray(0, FRAME_SAMPLES))
    this.#pcm.copyWithin(0, FRAME_SAMPLES, this.#filled)
    this.#filled -= FRAME_SAMPLES
    this.#quiet = !sounding || levelOf(this.#frame) < QUIET
    return sounding ? this.#frame : undefined
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

/** dBFS */
const QUIET = -55
