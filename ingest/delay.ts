/**
 * How much later than the quickest packets do packets come? All times in samples at 48 kHz.
 *
 * A packet's transit is its arrival by our clock minus its timestamp by the sender's. `floor` is the smallest transit of late: the line of an
 * undisturbed network. What a packet has beyond it goes into a histogram that forgets; the delay to hold is a high quantile of that.
 */
export class DelayEstimator {
  /** Share of packets for each step of lateness; sums to 1. */
  readonly #shares = new Float64Array(BUCKETS)
  #seen = 0
  #floor: number | undefined
  #smallest = Infinity // Lateness, since the last review.
  #reviewedAt = 0
  #wanted = FIRST

  constructor() {
    this.#shares[bucketOf(FIRST)] = 1
  }

  /** Transit of the quickest packets; undefined before the first. */
  get floor(): number | undefined {
    return this.#floor
  }
  /** How long after the quickest arrival a packet should be asked for, so that it is there. 0 … 200 ms. */
  get wanted(): number {
    return this.#wanted
  }

  /** Moves the floor at once when a packet was quicker than any, and up every two seconds when all were slower: clocks drift, ways change. */
  arrived(arrival: number, timestamp: number): void {
    const transit = arrival - timestamp
    if (this.#floor === undefined || transit < this.#floor) {
      this.#floor = transit
      this.#smallest = 0
    }
    this.#smallest = Math.min(this.#smallest, transit - this.#floor)
    if (arrival - this.#reviewedAt < REVIEW) return
    if (arrival - this.#reviewedAt < 2 * REVIEW) this.#rise(this.#smallest) // Not after a pause: one packet tells nothing.
    this.#reviewedAt = arrival
    this.#smallest = Infinity
  }

  /**
   * Counts how late a frame's bytes were here, be it in their own packet or as redundancy in a later one. Call it once for each frame, after
   * `arrived` for the packet.
   */
  playable(arrival: number, timestamp: number): void {
    if (this.#floor === undefined) return
    const late = arrival - timestamp - this.#floor
    // Quick to learn at first, then over some ten seconds.
    const keep = Math.min(KEEP, 1 - 1 / (++this.#seen + 1))
    for (let n = 0; n < BUCKETS; n++) this.#shares[n]! *= keep
    this.#shares[bucketOf(late)]! += 1 - keep
    this.#wanted = this.#quantile()
  }

  /** The sender's clock has jumped: what is known of the network stays. */
  restart(): void {
    this.#floor = undefined
    this.#smallest = Infinity
  }

  #quantile(): number {
    let sum = 0
    for (let n = 0; n < BUCKETS; n++) {
      sum += this.#shares[n]!
      if (sum >= QUANTILE) return Math.min((n + 1) * STEP + MARGIN, MAX)
    }
    return MAX
  }

  #rise(by: number): void {
    if (!(by > 0 && by < Infinity)) return
    this.#floor! += by
    const steps = Math.round(by / STEP) // Less than half a step is within the histogram's own fineness.
    if (steps === 0) return
    for (let n = 0; n < BUCKETS; n++) {
      const share = this.#shares[n]!
      this.#shares[n] = 0
      this.#shares[Math.max(0, n - steps)]! += share
    }
  }
}

const STEP = 2 * 48
const BUCKETS = 125 // 250 ms; what is later counts as that.
const MAX = 200 * 48
/** Taken before anything is known. */
const FIRST = 10 * 48
/** Timers and threads, here and there. */
const MARGIN = 2 * 48
const QUANTILE = 0.97
const KEEP = 0.998 // Half is forgotten in 350 packets.
const REVIEW = 2 * 48_000

const bucketOf = (late: number): number => Math.min(BUCKETS - 1, Math.max(0, Math.floor(late / STEP)))
