import { onScopeDispose } from 'vue'

/**
 * Does something now and then again `pause()` ms after it was done, as long as the page is seen; a page that comes back into
 * sight, or online, does it at once. `work` handles its own errors; a pause of null ends it until `now()` is called.
 */
export function usePoll(work: () => Promise<void>, pause: () => number | null): { now(): Promise<void> } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined
  let over = false

  function now(): Promise<void> {
    clearTimeout(timer)
    running ??= work().finally(() => {
      running = undefined
      const ms = pause()
      if (!over && ms !== null && document.visibilityState === 'visible')
        timer = setTimeout(() => void now(), ms)
    })
    return running
  }
  const wake = (): void => {
    if (document.visibilityState === 'visible' && pause() !== null) void now()
  }
  document.addEventListener('visibilitychange', wake)
  window.addEventListener('online', wake)
  onScopeDispose(() => {
    over = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', wake)
    window.removeEventListener('online', wake)
  })
  void now()
  return { now }
}
