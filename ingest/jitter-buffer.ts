import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { opusSamples } from '@odeon/common/opus-packet.ts'
import { Unwrapper, type MediaPacket } from './rtp.ts'

/**
 * One speaker's jitter buffer. It is played by a clock of its own: every call of `next` moves the playout position on by
 * what it hands out, and the position is set anew only when the stream starts again after silence. Times are in samples
 * at 48 kHz. It knows nothing of decoding.
 */
export type Playout =
  | { kind: 'packet'; payload: Uint8Array; samples: number }
  /** Lost, and the packet right after it is here: it may carry redundancy for this frame (in-band FEC). */
  | { kind: 'recover'; next: Uint8Array; samples: number }
  | { kind: 'conceal'; samples: number }
  /** The speaker sends nothing here: silence suppression (DTX), or the stream has not begun or has dried up. */
  | { kind: 'silence'; samples: number }

export interface JitterCounts {
  received: number
  late: number
  duplicate: number
  overflow: number
  invalid: number
  lost: number
  /** Frames left out to bring the delay down. */
  skipped: number
}

interface Held {
  sequence: number
  timestamp: number
  samples: number
  payload: Uint8Array
}

const MIN_TARGET = 20 * 48
const MAX_TARGET = 200 * 48
const FIRST_TARGET = 40 * 48
const STEP = 20 * 48
/** Packets held: two seconds. When full, the oldest goes: live audio can't wait. */
const CAPACITY = 100
/** A jump of the timestamp or the sequence beyond this is a new stream. */
const JUMP = 5 * 48_000
const SEQUENCE_JUMP = 500
const REMEMBERED = 64
/** RFC 6716 §2.1.9: packets of this size say that nothing follows for a while. */
const DTX_BYTES = 2
/** How long a stream that dried up is concealed before it counts as silence. */
const MAX_CONCEAL = 100 * 48
/** The delay is judged over this many samples of playout. */
const REVIEW = 2 * 48_000
/** So long without a late packet, the target may shrink. */
const CALM = 10 * 48_000

export class JitterBuffer {
  readonly counts: JitterCounts = {
    received: 0,
    late: 0,
    duplicate: 0,
    overflow: 0,
    invalid: 0,
    lost: 0,
    skipped: 0,
  }
  #held: Held[] = [] // By timestamp.
  #ssrc: number | undefined
  #sequences = new Unwrapper(16)
  #timestamps = new Unwrapper(32)
  #newest: { sequence: number; timestamp: number } | undefined
  /** Timestamp of the next sample to play; undefined while waiting for the stream to (re)start. */
  #position: number | undefined
  #lastSequence: number | undefined // Of the packet played last.
  #waited = 0
  #concealed = 0
  /** The newest sequences played: a packet that comes twice is not late. */
  readonly #played = new Set<number>()
  /** The sender is leaving out silence: his last packet was of that kind. */
  #pausing = false
  /** Samples to make up because the delay has grown in the middle of sound. */
  #stretch = 0
  #target = FIRST_TARGET
  #smallestLead = Infinity
  #reviewed = 0
  #calm = 0

  /** The delay aimed at, samples. */
  get target(): number {
    return this.#target
  }

  /** Takes a packet off the wire, in any order. */
  push(packet: MediaPacket): void {
    this.counts.received++
    if (packet.payload.length === 0) return // Padding.
    const samples = opusSamples(packet.payload)
    if (samples === undefined) {
      this.counts.invalid++
      return
    }
    if (this.#ssrc !== packet.ssrc) this.#restart(packet.ssrc)
    let sequence = this.#sequences.unwrap(packet.sequence)
    let timestamp = this.#timestamps.unwrap(packet.timestamp)
    const newest = this.#newest
    if (
      newest &&
      (Math.abs(timestamp - newest.timestamp) > JUMP || Math.abs(sequence - newest.sequence) > SEQUENCE_JUMP)
    ) {
      this.#restart(packet.ssrc)
      sequence = this.#sequences.unwrap(packet.sequence)
      timestamp = this.#timestamps.unwrap(packet.timestamp)
    }
    if (!this.#newest || sequence > this.#newest.sequence) this.#newest = { sequence, timestamp }
    if (this.#position !== undefined && timestamp + samples <= this.#position) {
      this.counts.late++
      if (sequence > this.#lastSequence! - REMEMBERED && this.#played.has(sequence)) return // A double, not a late one.
      this.#grow()
      if (timestamp + samples <= this.#position) return
    }
    this.#insert({ sequence, timestamp, samples, payload: packet.payload })
  }

  /** What to play next; `samples` says how much of the clock it takes. `quiet`: the sound just played is hardly audible. */
  next(quiet: boolean): Playout {
    if (this.#position === undefined) return this.#start()
    this.#review(quiet)
    const first = this.#held[0]
    if (!first) return this.#dry()
    // A packet that begins a little before or after the position is taken as it is: its sender's clock has its own grid.
    const gap = first.timestamp - this.#position
    if (gap < FRAME_SAMPLES / 2) {
      this.#held.shift()
      this.#concealed = 0
      this.#lastSequence = first.sequence
      this.#played.add(first.sequence).delete(first.sequence - REMEMBERED)
      this.#pausing = first.payload.length <= DTX_BYTES
      this.#position = first.timestamp + first.samples
      return { kind: 'packet', payload: first.payload, samples: first.samples }
    }
    const samples = Math.min(gap, FRAME_SAMPLES)
    this.#position += samples
    const missing = first.sequence - (this.#lastSequence ?? first.sequence - 1) - 1
    if (missing === 0 && this.#stretch > 0) {
      this.#stretch -= samples
      return { kind: 'conceal', samples }
    }
    if (missing === 0) return { kind: 'silence', samples } // Nothing was lost: the sender left it out.
    this.counts.lost++
    this.#concealed += samples
    const last = gap <= FRAME_SAMPLES * 1.5
    if (last) return { kind: 'recover', next: first.payload, samples }
    return { kind: this.#concealed <= MAX_CONCEAL ? 'conceal' : 'silence', samples }
  }

  #start(): Playout {
    if (this.#held.length > 0) {
      let buffered = this.#held.reduce((sum, { samples }) => sum + samples, 0)
      if (buffered >= this.#target || this.#waited >= this.#target) {
        // What a network that had stopped hands over at once is older than the delay aimed at.
        while (this.#held.length > 1 && buffered - this.#held[0]!.samples >= this.#target) {
          buffered -= this.#held.shift()!.samples
          this.counts.skipped++
        }
        const first = this.#held[0]!
        this.#position = first.timestamp
        this.#lastSequence = first.sequence - 1
        this.#waited = 0
        this.#concealed = 0
        this.#stretch = 0
        this.#smallestLead = Infinity
        this.#reviewed = 0
        return this.next(false)
      }
      this.#waited += FRAME_SAMPLES
    }
    return { kind: 'silence', samples: FRAME_SAMPLES }
  }

  /** Nothing is here. Conceal for a while, then wait for the stream to start again, with its delay built anew. */
  #dry(): Playout {
    this.#concealed += FRAME_SAMPLES
    if (this.#pausing || this.#concealed > MAX_CONCEAL) {
      this.#position = undefined
      this.#waited = 0
      return { kind: 'silence', samples: FRAME_SAMPLES }
    }
    this.#position! += FRAME_SAMPLES
    return { kind: 'conceal', samples: FRAME_SAMPLES }
  }

  /** Follows the network: more delay at once when packets come late, less when the smallest lead of two seconds allows. */
  #review(quiet: boolean): void {
    const last = this.#held.at(-1)
    const lead = last ? last.timestamp + last.samples - this.#position! : 0
    this.#smallestLead = Math.min(this.#smallestLead, lead)
    this.#reviewed += FRAME_SAMPLES
    this.#calm += FRAME_SAMPLES
    if (this.#calm >= CALM) {
      this.#calm = 0
      this.#target = Math.max(MIN_TARGET, this.#target - STEP)
    }
    if (this.#reviewed < REVIEW) return
    const excess = this.#smallestLead - this.#target
    // In silence nobody hears a frame left out; a lot too much is worse than a small step.
    if (excess >= STEP && (quiet || excess > 5 * STEP) && this.#held.length > 1) {
      const skipped = this.#held.shift()!
      this.#lastSequence = skipped.sequence
      this.#position = skipped.timestamp + skipped.samples
      this.counts.skipped++
    } else if (excess >= STEP) return // Wait for a quiet moment.
    this.#reviewed = 0
    this.#smallestLead = Infinity
  }

  /** A packet came too late: hold a frame more from now on. */
  #grow(): void {
    this.#calm = 0
    if (this.#target >= MAX_TARGET) return
    this.#target += STEP
    this.#position! -= STEP
    this.#stretch += STEP
  }

  #insert(packet: Held): void {
    let index = this.#held.length
    while (index > 0 && this.#held[index - 1]!.timestamp > packet.timestamp) index--
    if (this.#held[index - 1]?.timestamp === packet.timestamp) {
      this.counts.duplicate++
      return
    }
    this.#held.splice(index, 0, packet)
    if (this.#held.length > CAPACITY) {
      this.#held.shift()
      this.counts.overflow++
    }
  }

  #restart(ssrc: number): void {
    this.#ssrc = ssrc
    this.#held = []
    this.#sequences = new Unwrapper(16)
    this.#timestamps = new Unwrapper(32)
    this.#newest = undefined
    this.#position = undefined
    this.#lastSequence = undefined
    this.#waited = 0
    this.#stretch = 0
    this.#pausing = false
    this.#played.clear()
  }
}
