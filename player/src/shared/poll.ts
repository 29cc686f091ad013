import { onScopeDispose } from 'vue'

/**
 * Does something now and then again `pause()` ms after it was done, as long as the page is seen; a page that comes back into
 * sight, or online, does it at once. `work` handles its own errors.
 */
export function usePoll(work: () => Promise<void>, pause: () => number): { now(): Promise<void> } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined
  let over = false

  function now(): Promise<void> {
    clearTimeout(timer)
    running ??= work().finally(() => {
      running = undefined
      if (!over && document.visibilityState === 'visible') timer = setTimeout(() => void now(), pause())
    })
    return running
  }
  const wake = (): void => {
    if (document.visibilityState === 'visible') void now()
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
