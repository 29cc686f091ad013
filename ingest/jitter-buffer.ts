import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { DelayEstimator } from './delay.ts'
import { hasRedundancy, opusSamples } from '@odeon/common/opus-packet.ts'
import { Unwrapper, type MediaPacket } from './rtp.ts'

/**
 * One speaker's jitter buffer, played by a clock of its own. It puts packets in order, knows a pause from a loss, and says when to begin. It knows
 * nothing of decoding. Times are in samples at 48 kHz, by any steady clock.
 *
 * While sound is playing, every call of `next` moves the position on by what it hands out, except when the buffer has run dry: then the position
 * waits for the packet that is late. To play sooner or later, the caller stretches the sound; `slack` against `wanted` says which.
 */
export type Playout =
  | { kind: 'packet'; payload: Uint8Array; samples: number }
  /** Lost, and the packet right after it is here, with redundancy for this frame (in-band FEC). */
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
  /** Of a stream that is not this speaker's. */
  foreign: number
  /** Frames that were not here in their time. */
  lost: number
  /** Frames that came in a later packet only (RED). */
  redundant: number
  /** Packets left out because they had become too old. */
  skipped: number
}

interface Held {
  /** Both unwrapped. */
  sequence: number
  timestamp: number
  samples: number
  payload: Uint8Array
}

/** Packets held: two seconds. When full, the oldest goes: live audio can't wait. */
const CAPACITY = 100
/** A jump of the timestamp or the sequence beyond this is a new stream. */
const JUMP = 5 * 48_000
const SEQUENCE_JUMP = 500
/** A packet so much quicker than any before it: the sender's clock has jumped. */
const CLOCK_JUMP = 48_000
/** Another stream takes over when so many of its packets have come and none of this one. */
const PROBATION = 3
const REMEMBERED = 64
/** RFC 6716 §2.1.9: packets of this size say that nothing follows for a while. */
const DTX_BYTES = 2
/** How long what is missing is concealed before it counts as silence. */
const MAX_CONCEAL = 120 * 48
/** What a network that had stopped hands over at once is played if it is not older than this. */
const MAX_DELAY = 200 * 48

export interface JitterOptions {
  /** Uses in-band FEC; true unless a bench wants to know what it is worth. */
  fec?: boolean
}

export class JitterBuffer {
  readonly counts: JitterCounts = {
    received: 0,
    late: 0,
    duplicate: 0,
    overflow: 0,
    invalid: 0,
    foreign: 0,
    lost: 0,
    redundant: 0,
    skipped: 0,
  }
  readonly #fec: boolean
  readonly #delay = new DelayEstimator()
  #held: Held[] = [] // By timestamp.
  #ssrc: number | undefined
  #stranger: { ssrc: number; packets: number } | undefined
  #sequences = new Unwrapper(16)
  #timestamps = new Unwrapper(32)
  #newest: { sequence: number; timestamp: number } | undefined
  /** Timestamp of the next sample to play; undefined while nothing is playing. */
  #position: number | undefined
  #lastSequence = 0 // Of the packet played last.
  /** Concealed without moving on, since the buffer ran dry. */
  #waited = 0
  /** Concealed on end. */
  #concealed = 0
  /** Frames that came lately, by their sequence number: one that comes twice is not late. */
  readonly #seen = new Float64Array(REMEMBERED).fill(NaN)
  /** The sender is leaving out silence: his last packet was of that kind. */
  #pausing = false
  /** Ran dry in the middle of sound: what comes next is older than it should be, and still worth hearing. */
  #interrupted = false

  constructor({ fec = true }: JitterOptions = {}) {
    this.#fec = fec
  }

  /** How long after its earliest possible arrival a packet should be asked for, so that it is there. */
  get wanted(): number {
    return this.#delay.wanted
  }

  /** How long after its earliest possible arrival the next packet is asked for, if that is at `at`; undefined while nothing is playing. */
  slack(at: number): number | undefined {
    const floor = this.#delay.floor
    if (floor === undefined || this.#position === undefined) return undefined
    return at - floor - this.#position
  }

  /** The packet that comes next is here. */
  get ready(): boolean {
    const first = this.#held[0]
    return first !== undefined && this.#position !== undefined && this.#follows(first)
  }

  /** Takes a packet off the wire, in any order. */
  push(packet: MediaPacket, at: number): void {
    this.counts.received++
    if (packet.payload.length === 0) return // Padding.
    const samples = opusSamples(packet.payload)
    if (samples === undefined) {
      this.counts.invalid++
      return
    }
    if (!this.#admits(packet.ssrc)) {
      this.counts.foreign++
      return
    }
    let sequence = this.#sequences.unwrap(packet.sequence)
    let timestamp = this.#timestamps.unwrap(packet.timestamp)
    if (this.#jumped(sequence, timestamp, at)) {
      this.#restart(packet.ssrc)
      sequence = this.#sequences.unwrap(packet.sequence)
      timestamp = this.#timestamps.unwrap(packet.timestamp)
    }
    if (!this.#newest || sequence > this.#newest.sequence) this.#newest = { sequence, timestamp }
    this.#delay.arrived(at, timestamp)
    if (!this.#take({ sequence, timestamp, samples, payload: packet.payload }, at)) this.counts.duplicate++
    this.#takeRedundancy(packet, sequence, timestamp, at)
    if (this.#fec && !this.#hasSeen(sequence - 1) && hasRedundancy(packet.payload))
      this.#delay.playable(at, timestamp - samples)
  }

  /** Frames that this packet carries once more, the newest last (RFC 2198). */
  #takeRedundancy({ redundant = [] }: MediaPacket, sequence: number, timestamp: number, at: number): void {
    for (const [index, { offset, payload }] of redundant.entries()) {
      const samples = opusSamples(payload)
      if (samples === undefined || offset === 0) continue
      const frame = { sequence: sequence - (redundant.length - index), timestamp: timestamp - offset }
      if (this.#take({ ...frame, samples, payload }, at)) this.counts.redundant++
    }
  }

  /** False for one that was here before. */
  #take(frame: Held, at: number): boolean {
    if (this.#hasSeen(frame.sequence)) return false
    this.#seen[slotOf(frame.sequence)] = frame.sequence
    this.#delay.playable(at, frame.timestamp)
    if (this.#position !== undefined && frame.timestamp + frame.samples <= this.#position) this.counts.late++
    else this.#insert(frame)
    return true
  }

  #hasSeen(sequence: number): boolean {
    return this.#seen[slotOf(sequence)] === sequence
  }

  /** What to play next, at `at`; `samples` says how long it is. */
  next(at: number): Playout {
    if (this.#position === undefined) return this.#begin(at)
    this.#leaveOutStale(at)
    const first = this.#held[0]
    if (!first) return this.#dry(at)
    const missing = first.sequence - this.#lastSequence - 1
    // What was made up while waiting stood for a frame that is lost.
    if (missing > 0) this.#position += Math.min(this.#waited, Math.max(0, first.timestamp - this.#position))
    this.#waited = 0
    if (this.#follows(first)) return this.#play(first)
    // Nothing was lost, and yet there is a gap: the sender left it out.
    if (missing <= 0 || this.#pausing) return this.#pause(at)
    const gap = first.timestamp - this.#position
    const samples = Math.min(gap, FRAME_SAMPLES)
    this.#concealed += samples
    if (this.#concealed > MAX_CONCEAL) return this.#pause(at)
    this.counts.lost++
    this.#position += samples
    if (this.#fec && gap <= first.samples && hasRedundancy(first.payload))
      return { kind: 'recover', next: first.payload, samples }
    return { kind: 'conceal', samples }
  }

  /** A packet that begins a little before or after the position is taken as it is: its sender's clock has its own grid. */
  #follows({ timestamp }: Held): boolean {
    return timestamp - this.#position! < FRAME_SAMPLES / 2
  }

  #play(first: Held): Playout {
    this.#held.shift()
    this.#concealed = 0
    this.#lastSequence = first.sequence
    this.#pausing = first.payload.length <= DTX_BYTES
    this.#position = first.timestamp + first.samples
    return { kind: 'packet', payload: first.payload, samples: first.samples }
  }

  /** Begins when the first packet has been here long enough for the next ones to come in time. */
  #begin(at: number): Playout {
    const floor = this.#delay.floor
    const age = (held: Held | undefined): number => (held ? at - floor! - held.timestamp : -Infinity)
    if (age(this.#held[0]) < this.wanted) return SILENCE
    const oldest = this.#interrupted ? MAX_DELAY : this.wanted
    while (age(this.#held[1]) >= oldest) {
      this.#held.shift()
      this.counts.skipped++
    }
    const first = this.#held[0]!
    this.#position = first.timestamp
    this.#waited = 0
    this.#interrupted = false
    return this.#play(first)
  }

  #pause(at: number): Playout {
    this.#position = undefined
    this.#concealed = 0
    this.#waited = 0
    return this.#begin(at)
  }

  /** Nothing is here. Conceal for a while, then wait for the stream to start again. */
  #dry(at: number): Playout {
    if (this.#pausing) return this.#pause(at)
    this.#concealed += FRAME_SAMPLES
    if (this.#concealed > MAX_CONCEAL) {
      this.#interrupted = true
      return this.#pause(at)
    }
    this.counts.lost++
    if (this.slack(at)! < MAX_DELAY) this.#waited += FRAME_SAMPLES
    else this.#position! += FRAME_SAMPLES
    return { kind: 'conceal', samples: FRAME_SAMPLES }
  }

  #leaveOutStale(at: number): void {
    while (this.#held.length > 1 && this.slack(at)! >= MAX_DELAY + FRAME_SAMPLES) {
      const { sequence, timestamp, samples } = this.#held.shift()!
      this.#lastSequence = sequence
      this.#position = Math.max(this.#position!, timestamp + samples)
      this.counts.skipped++
    }
  }

  #insert(frame: Held): void {
    let index = this.#held.length
    while (index > 0 && this.#held[index - 1]!.timestamp > frame.timestamp) index--
    if (this.#held[index - 1]?.timestamp === frame.timestamp) {
      this.counts.duplicate++
      return
    }
    this.#held.splice(index, 0, frame)
    if (this.#held.length > CAPACITY) {
      this.#held.shift()
      this.counts.overflow++
    }
  }

  #admits(ssrc: number): boolean {
    if (this.#ssrc === undefined) this.#restart(ssrc)
    if (ssrc === this.#ssrc) {
      this.#stranger = undefined
      return true
    }
    const packets = this.#stranger?.ssrc === ssrc ? this.#stranger.packets + 1 : 1
    this.#stranger = { ssrc, packets }
    if (packets < PROBATION) return false
    this.#restart(ssrc)
    return true
  }

  #jumped(sequence: number, timestamp: number, at: number): boolean {
    const { floor } = this.#delay
    if (!this.#newest || floor === undefined) return false
    const steps = sequence - this.#newest.sequence
    const forward = timestamp - this.#newest.timestamp
    return (
      Math.abs(steps) > SEQUENCE_JUMP ||
      Math.abs(forward) > JUMP ||
      (steps > 0 && forward < 0) ||
      at - timestamp < floor - CLOCK_JUMP
    )
  }

  #restart(ssrc: number): void {
    this.#ssrc = ssrc
    this.#stranger = undefined
    this.#held = []
    this.#sequences = new Unwrapper(16)
    this.#timestamps = new Unwrapper(32)
    this.#newest = undefined
    this.#position = undefined
    this.#seen.fill(NaN)
    this.#pausing = false
    this.#interrupted = false
    this.#waited = 0
    this.#concealed = 0
    this.#delay.restart()
  }
}

const SILENCE: Playout = { kind: 'silence', samples: FRAME_SAMPLES }
const slotOf = (sequence: number): number => ((sequence % REMEMBERED) + REMEMBERED) % REMEMBERED
