/** From one sound to another in a fifth of a second, equally loud all the time: sin² + cos² = 1, as the two are not the same wave. */
export const FADE_MS = 200
const STEP_MS = 10

/** The volumes of the old and the new sound at `progress`, 0 to 1. */
export function gainsAt(progress: number): { out: number; in: number } {
  const angle = (Math.min(1, Math.max(0, progress)) * Math.PI) / 2
  return { out: Math.cos(angle), in: Math.sin(angle) }
}

export interface Fade {
  from: HTMLMediaElement | null
  to: HTMLMediaElement | null
  /** How loud each is when it is heard alone, 0 to 1. */
  loudness?: { from?: number; to?: number }
  ms?: number
}

/**
 * Fades over; resolves when `to` is heard alone. `from` then plays on unheard, with its volume as it was: the caller stops it. Where a page
 * may not set a volume (iOS) it is a cut in the middle.
 */
export function crossfade({ from, to, loudness = {}, ms = FADE_MS }: Fade): Promise<void> {
  const { from: loudFrom = 1, to: loudTo = 1 } = loudness
  const since = performance.now()
  return new Promise((resolve) => {
    const step = (): void => {
      const progress = (performance.now() - since) / ms
      const gains = gainsAt(progress)
      set(from, gains.out * loudFrom, progress >= 0.5)
      set(to, gains.in * loudTo, progress < 0.5)
      if (progress < 1) return
      clearInterval(timer)
      resolve()
    }
    const timer = setInterval(step, STEP_MS)
    step()
  })
}

function set(element: HTMLMediaElement | null, volume: number, cut: boolean): void {
  if (!element) return
  element.volume = volume
  if (Math.abs(element.volume - volume) > 0.01) element.muted = cut
}
