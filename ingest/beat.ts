import { FRAME_MS, type EpochMs } from '@odeon/common/time.ts'

/**
 * A clock set to the wall clock once, now: from then on it neither jumps nor drifts from the beat when the system's time is corrected. It
 * stands still while the machine sleeps, so whoever takes up a space sets a new one.
 */
export function steadyClock(): () => EpochMs {
  const offset = Date.now() - performance.now()
  return () => offset + performance.now()
}

export interface BeatOptions {
  /** Wall clock of frame 0. */
  startedAt: EpochMs
  /** The first frame to beat. */
  first: number
  now: () => EpochMs
  /** ms by which every beat is put off, so that the beats of a node don't come together (see `BeatSlots`). */
  delay?: number
  /** Called once for each frame when its 20 ms are over. `late` in ms. */
  onFrame(frame: number, late: number): void
}

/** Later than this, a frame is not mixed any more and becomes a hole. */
export const MAX_LATE_MS = 500

/**
 * The 20 ms beat. Each frame's moment is derived from the start of the space, so that lateness never adds up; after a pause of the
 * process the frames of the last half second are caught up, older ones are left out. Answers a function that stops it.
 */
export function startBeat({ startedAt, first, now, delay = 0, onFrame }: BeatOptions): () => void {
  let next = first
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const due = (): EpochMs => startedAt + (next + 1) * FRAME_MS + delay
  const tick = (): void => {
    if (now() - due() > MAX_LATE_MS) next = Math.floor((now() - startedAt) / FRAME_MS) - 1
    while (!stopped && now() >= due()) {
      const late = now() - due()
      onFrame(next++, late)
    }
    if (!stopped) timer = setTimeout(tick, Math.max(0, due() - now()))
  }
  timer = setTimeout(tick, Math.max(0, due() - now()))
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Wanted between two beats, ms: twice what a stage of ten takes, for the packets between. Where that does not fit, half of it, and so on. */
const APART = [2, 1, 0.5, 0.25, 0] as const
const STEP = 0.25

/**
 * Spreads the beats of one node over the 20 ms. Spaces start when their hosts like; without it, those that fall on the same moment wait for
 * each other on every beat. A beat comes at the first free place after its frame is over, mostly a millisecond or two.
 */
export class BeatSlots {
  readonly #taken = new Set<{ phase: number }>()

  /** `delay` in ms, 0 … 20; `release` may be called twice. */
  take(startedAt: EpochMs): { delay: number; release(): void } {
    const delay = this.#firstFree(startedAt)
    const slot = { phase: (startedAt + delay) % FRAME_MS }
    this.#taken.add(slot)
    return { delay, release: () => void this.#taken.delete(slot) }
  }

  #firstFree(startedAt: EpochMs): number {
    for (const apart of APART) {
      for (let delay = 0; delay < FRAME_MS; delay += STEP) {
        if (this.#nearest((startedAt + delay) % FRAME_MS) >= apart) return delay
      }
    }
    return 0
  }

  /** Distance to the nearest beat, ms, round the clock of 20 ms. */
  #nearest(phase: number): number {
    let nearest: number = FRAME_MS
    for (const taken of this.#taken) {
      const distance = Math.abs(taken.phase - phase)
      nearest = Math.min(nearest, distance, FRAME_MS - distance)
    }
    return nearest
  }
}
