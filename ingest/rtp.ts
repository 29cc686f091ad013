/** RTP arithmetic (RFC 3550 §A.1) on the two fields that wrap. */

/** What the mixer needs of an RTP packet. */
export interface MediaPacket {
  ssrc: number
  /** 16 bits, wraps. */
  sequence: number
  /** 32 bits at 48 kHz, wraps. */
  timestamp: number
  /** One Opus packet (RFC 7587). Empty for padding-only packets. */
  payload: Uint8Array
  /** Frames before this one, sent once more; the newest last (RFC 2198). */
  redundant?: readonly Redundant[]
}

export interface Redundant {
  /** How much older than the packet's timestamp, samples. */
  offset: number
  payload: Uint8Array
}

/** Turns a counter of `bits` bits that wraps into one that does not, by the shortest way from the newest value seen. */
export class Unwrapper {
  readonly #size: number
  #last: number | undefined

  constructor(bits: 16 | 32) {
    this.#size = 2 ** bits
  }

  unwrap(value: number): number {
    if (this.#last === undefined) return (this.#last = value)
    const size = this.#size
    let step = (((value - this.#last) % size) + size) % size
    if (step >= size / 2) step -= size
    const unwrapped = this.#last + step
    if (step > 0) this.#last = unwrapped
    return unwrapped
  }
}
