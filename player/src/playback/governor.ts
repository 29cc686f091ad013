/**
 * Keeps the player as close to the stage as the network allows. It watches the smallest forward buffer of the last twenty seconds and moves the
 * playback rate so that this minimum sits just above what the network's jitter needs. At rest the rate is exactly 1.
 *
 * Pure: no clock, no element. Times in seconds, `now` on any steady clock.
 */

export interface Reading {
  now: number
  /** Seconds of sound that lie ahead of the playhead without a gap. */
  buffer: number
  /** The rate that was played since the last reading. */
  rate: number
  /** Sound is coming out: not paused, not seeking. */
  playing: boolean
}

export interface Advice {
  rate: number
  /** Skip so many seconds ahead instead: a second or more too late, as after a hole. */
  skip?: number
}

export const MIN_RATE = 0.97
export const MAX_RATE = 1.1
/** The smallest buffer aimed at on a good network. */
export const LEAST = 0.08
/** What is added for the stops that a network may have and has not shown yet. */
const UNSEEN = 0.2
const MOST = 1.5
/** How long a late chunk is remembered: a network that stops now and then shows its longest stop rarely. */
const WINDOW = 20
/** After so long it is known what may come. */
const LEARNING = 6
/** Of the jitter seen, this share is added for what is worse than that. */
const WORSE = 0.2
/** A buffer rises and falls by about so much without any jitter: a chunk. */
const CHUNK = 0.12
/** The minimum may lie this far from the aim without anything being done. */
const SLACK = 0.03
/** Below this, the next late chunk would be heard. */
const DANGER = 0.03
/** Looks further apart than this (hidden pages) say nothing of what was in between. */
const OFTEN = 0.2
const SKIP_BEYOND = 1
const LOADED_AT_ONCE = 0.6
/** What a close call adds to the aim, and how fast that is given back. */
const CAUTION = 0.06
const GIVE_BACK_PER_SECOND = 0.004

export class Governor {
  /** Buffers seen, as they would be now had the rate always been 1: comparable whatever was played since. */
  #seen: { at: number; buffer: number; lead: number }[] = []
  /** Seconds gained on the stage by playing faster than 1. */
  #gained = 0
  #last: number | undefined
  #caution = 0
  #rate = 1
  #careful = 0

  /** The smallest buffer aimed at: more while little of the network has been seen. */
  get aim(): number {
    const seen = (this.#last ?? 0) - (this.#seen[0]?.at ?? this.#last ?? 0)
    const unseen = UNSEEN * Math.max(0, 1 - seen / LEARNING)
    return LEAST + this.#caution + WORSE * this.#jitter + unseen
  }

  get #jitter(): number {
    let least = Infinity
    let most = -Infinity
    for (const { lead } of this.#seen) {
      if (lead < least) least = lead
      if (lead > most) most = lead
    }
    return Math.max(0, most - least - CHUNK)
  }

  /** What the smallest buffer of the window would be if it were played again from here; undefined before a second was seen. */
  get smallest(): number | undefined {
    const first = this.#seen[0]
    if (!first || this.#last === undefined || this.#last - first.at < 1) return undefined
    return Math.min(...this.#seen.map(({ lead }) => lead)) - this.#gained
  }

  /** Call ten times a second or more. */
  update({ now, buffer, rate, playing }: Reading): Advice {
    const passed = Math.min(1, Math.max(0, now - (this.#last ?? now)))
    this.#last = now
    if (!playing) {
      this.#seen = []
      return { rate: (this.#rate = 1) }
    }
    this.#gained += (rate - 1) * passed
    // So much at once is loading, not jitter: how little there was before says nothing.
    if (buffer - (this.#seen.at(-1)?.buffer ?? buffer) > LOADED_AT_ONCE) this.#seen = []
    const before = this.#seen.at(-1)
    // What came in since the last look may have come at its very end: the buffer may have been so small.
    const least = passed < OFTEN && before ? Math.max(0, before.buffer - passed * rate) : buffer
    this.#seen.push({ at: now, buffer, lead: Math.min(least, buffer) + this.#gained })
    while (this.#seen[0]!.at < now - WINDOW) this.#seen.shift()
    this.#caution = Math.max(0, this.#caution - GIVE_BACK_PER_SECOND * passed)
    // At the very beginning there is little by nature.
    if (buffer < DANGER && now > this.#careful && this.smallest !== undefined) {
      this.#caution = Math.min(MOST - LEAST, this.#caution + CAUTION)
      this.#careful = now + 1 // One close call is counted once.
    }
    return this.#decide()
  }

  /** The sound stopped for want of data: more is needed than was thought. */
  stalled(): void {
    if (this.smallest === undefined) return // It has hardly begun.
    this.#caution = Math.min(MOST - LEAST, this.#caution + 2 * CAUTION)
    this.#seen = []
  }

  /** The playhead was moved: what was seen before says nothing now. */
  moved(): void {
    this.#seen = []
    this.#gained = 0
  }

  #decide(): Advice {
    const smallest = this.smallest
    if (smallest === undefined) return { rate: this.#rate }
    const error = smallest - this.aim
    if (error > SKIP_BEYOND) {
      this.moved()
      this.#rate = 1
      return { rate: 1, skip: error }
    }
    // Once it moves, it moves all the way to the aim; then it rests until it has strayed by the slack.
    const moving = this.#rate !== 1
    if (error > (moving ? 0 : SLACK)) this.#rate = Math.min(MAX_RATE, 1.01 + error * 0.3)
    else if (error < (moving ? 0 : -SLACK)) this.#rate = Math.max(MIN_RATE, 0.99 + error * 0.1)
    else this.#rate = 1
    if (moving && Math.abs(error) < 0.005) this.#rate = 1
    return { rate: this.#rate }
  }
}
