import type { Page } from 'playwright-core'

/** What a test does and asks on a listener's page. */

export const testid = (id: string): string => `[data-testid="${id}"]`

export const playing = (page: Page): Promise<void> =>
  page.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor({ timeout: 30_000 })

/** Waits until the playhead has moved by so many seconds. */
export const hears = (page: Page, seconds: number): Promise<void> =>
  page.evaluate(async (seconds) => {
    const audio = document.querySelector('audio')!
    let heard = 0
    for (let last = audio.currentTime; heard < seconds;) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      const step = audio.currentTime - last
      if (step > 0 && step < 1) heard += step
      last = audio.currentTime
    }
  }, seconds)
