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
  /** Called once for each frame when its 20 ms are over. `late` in ms. */
  onFrame(frame: number, late: number): void
}

/** Later than this, a frame is not mixed any more and becomes a hole. */
export const MAX_LATE_MS = 500

/**
 * The 20 ms beat. Each frame's moment is derived from the start of the space, so that lateness never adds up; after a pause of the
 * process the frames of the last half second are caught up, older ones are left out. Answers a function that stops it.
 */
export function startBeat({ startedAt, first, now, onFrame }: BeatOptions): () => void {
  let next = first
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const due = (): EpochMs => startedAt + (next + 1) * FRAME_MS
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
