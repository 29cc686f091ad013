import { SILENT_PACKET } from '@odeon/common/frame.ts'
import { MIX_ENCODER, openEncoder, type FrameEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { EncoderPool } from './encoder-pool.ts'
import { Limiter } from './limiter.ts'
import { mixMinus } from './mix.ts'

/** A seat, as far as it hears the room. */
export interface Listener {
  /** What he adds to the frame that is being mixed; undefined for one who is not heard in it. */
  frame: Float32Array | undefined
  /** Called once a frame; undefined for one who only talks. The packet may be everybody's: it is not to be changed. */
  readonly send: ((opus: Uint8Array) => void) | undefined
  /** Kept here by `Returns`; undefined while he hears what all hear. */
  own: Own | undefined
}

/** A mix-minus for one who is, or just was, heard by the others. */
export interface Own {
  encoder: FrameEncoder
  limiter: Limiter
  /** Frames since he was last heard. */
  quiet: number
  /** Its first packet is still to come. */
  fresh: boolean
}

const FRAMES_PER_SECOND = 1000 / FRAME_MS
/** Whoever was heard within this keeps his own encode, so that pauses between words cause no switches. */
const KEEP_FRAMES = FRAMES_PER_SECOND
/** The shared mix has at most one independent frame a second: it costs the others a little of their bits. */
const INDEPENDENT_FRAMES = FRAMES_PER_SECOND
/**
 * For one pair of ears, half of the CPU: below 5 libopus leaves out the pitch filter. Measured on speech at this rate, 60 instead of 124 µs a
 * frame, and 21.3 dB of signal to noise instead of 22.5. The first packet still has the shared encoder's: a filter that ends without its
 * crossfade is a step.
 */
const OWN_COMPLEXITY = 4
/** The own encoder first encodes so much of what its listener has just heard, so that its first packet goes on from there. */
const WARM_FRAMES = 5

/**
 * Who gets which encode. Whoever contributes nothing hears the full mix, and so does the log: one encode for all of them. Only someone
 * who is heard, or was in the last second, has an encode of the others of his own. So cost grows with those who talk, not with the seats.
 *
 * Both ways a switch can't be heard. Into his own: the limiter goes on from the shared one's state, the encoder is warmed with the last five
 * frames, and its first packet is independent. Back: with an independent frame of the shared mix, for which those who return wait.
 */
export class Returns {
  readonly #shared: FrameEncoder
  readonly #pool: EncoderPool
  readonly #limiter = new Limiter()
  /** The newest frames of the full mix behind its limiter, a ring. */
  readonly #recent = Array.from({ length: WARM_FRAMES }, () => new Float32Array(FRAME_SAMPLES))
  /** Where the next frame goes, and so where the oldest is. */
  #next = 0
  readonly #out = new Float32Array(FRAME_SAMPLES)
  #sinceIndependent = INDEPENDENT_FRAMES
  #missed = 0

  private constructor(shared: FrameEncoder, pool: EncoderPool) {
    this.#shared = shared
    this.#pool = pool
  }

  static async open(): Promise<Returns> {
    const shared = await openEncoder(MIX_ENCODER)
    try {
      return new Returns(shared, await EncoderPool.open(MIX_ENCODER))
    } catch (error) {
      shared.close()
      throw error
    }
  }

  /** Frames that were silence for one speaker, because more mouths opened at once than encoders were ready. */
  get missed(): number {
    return this.#missed
  }

  /**
   * Sends everyone his frame, and answers the full mix for the log. `all` is the sum of the listeners' frames, not limited yet; it is left
   * as it is.
   */
  beat(all: Float32Array, listeners: readonly Listener[]): Uint8Array {
    const independent = this.#sinceIndependent >= INDEPENDENT_FRAMES && listeners.some(wouldReturn)
    this.#sinceIndependent = independent ? 1 : this.#sinceIndependent + 1
    for (const listener of listeners) {
      if (!listener.send) continue
      if (listener.frame) listener.own ??= this.#takeOver()
      else if (independent && wouldReturn(listener)) this.release(listener)
      if (listener.own) listener.send(this.#encodeOwn(all, listener.frame, listener.own))
      else if (listener.frame) {
        this.#missed++
        listener.send(SILENT_PACKET) // Rather than his own words.
      }
    }
    const newest = this.#recent[this.#next]!
    this.#next = (this.#next + 1) % WARM_FRAMES
    newest.set(all)
    this.#limiter.process(newest)
    const opus = this.#shared.encode(newest, independent)
    for (const listener of listeners) if (!listener.own && !listener.frame) listener.send?.(opus)
    return opus
  }

  /** An encode that goes on from the shared one; undefined when none is ready. */
  #takeOver(): Own | undefined {
    const encoder = this.#pool.take()
    if (!encoder) return undefined
    encoder.complexity(MIX_ENCODER.complexity)
    for (let k = 0; k < WARM_FRAMES; k++) encoder.encode(this.#recent[(this.#next + k) % WARM_FRAMES]!)
    const limiter = new Limiter()
    limiter.follow(this.#limiter)
    return { encoder, limiter, quiet: 0, fresh: true }
  }

  #encodeOwn(all: Float32Array, frame: Float32Array | undefined, own: Own): Uint8Array {
    own.quiet = frame ? 0 : own.quiet + 1
    mixMinus(all, frame, this.#out)
    own.limiter.process(this.#out)
    if (!own.fresh) return own.encoder.encode(this.#out)
    own.fresh = false
    const first = own.encoder.encode(this.#out, true)
    own.encoder.complexity(OWN_COMPLEXITY)
    return first
  }

  /** Gives back what a listener holds: when he leaves, or shares again. */
  release(listener: Listener): void {
    if (listener.own) this.#pool.give(listener.own.encoder)
    listener.own = undefined
  }

  close(): void {
    this.#shared.close()
    this.#pool.close()
  }
}

const wouldReturn = ({ own, frame }: Listener): boolean =>
  !frame && own !== undefined && own.quiet >= KEEP_FRAMES
