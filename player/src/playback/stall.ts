/** What the watchdog looks at. */
export interface Vitals {
  /** ms on any clock. */
  now: number
  /** Of the playhead, seconds of media. */
  position: number
  /** Seconds of sound that lie ahead of it. */
  ahead: number
  /** When the server answered anything last, on the same clock. */
  answeredAt: number
}

/** `over`: the last sound has been heard. `stalled`: tell the listener, and wait. `renew`: begin anew. */
export type Verdict = 'fine' | 'over' | 'stalled' | 'seek' | 'renew'

const TELL_MS = 1000
/** Sound that should move and does not for so long is moved to the live edge, and after as long again begun anew. */
const PATIENCE_MS = 3000
/** The first sound may take longer: a slow network is not a broken one. */
const FIRST_PATIENCE_MS = 8000
/** A blocking request waits for up to 6 s at the server; silence for longer is nobody there. */
const SILENCE_MS = 8000
/** Less than this ahead is nothing. */
const SOME_SECONDS = 0.5

/**
 * Judges sound that should play. A stall with sound ahead is the player's own: it seeks, then renews. With nothing ahead the source is
 * silent, which a new player would not change but only say the last words again: as long as the server answers, it waits.
 */
export class StallWatch {
  #position: number | undefined
  #movedAt: number
  #sought = false
  #played = false

  constructor(now: number) {
    this.#movedAt = now
  }

  /** It has been heard at least once. */
  get played(): boolean {
    return this.#played
  }

  look({ now, position, ahead, answeredAt }: Vitals, complete = false): Verdict {
    if (position !== this.#position) {
      if (this.#position !== undefined) {
        this.#played = true
        this.#sought = false
        this.#movedAt = now
      }
      this.#position = position
      return 'fine'
    }
    const stalledMs = now - this.#movedAt
    if (stalledMs < TELL_MS) return 'fine'
    if (complete && this.#played && ahead < SOME_SECONDS) return 'over'
    if (now - answeredAt >= SILENCE_MS && stalledMs >= PATIENCE_MS) return 'renew'
    const patience = this.#played ? PATIENCE_MS : FIRST_PATIENCE_MS
    if (ahead < SOME_SECONDS || stalledMs < patience) return 'stalled'
    return this.#sought ? 'renew' : 'seek'
  }

  /** The playhead was put somewhere, which is no proof that it plays. */
  jumped(position: number): void {
    this.#position = position
  }

  /** It was put there because of the verdict `seek`, which has its time to help. */
  sought(now: number, position: number): void {
    this.#position = position
    this.#movedAt = now
    this.#sought = true
  }

  /** Paused: nothing to judge. */
  rest(now: number): void {
    this.#movedAt = now
  }
}
