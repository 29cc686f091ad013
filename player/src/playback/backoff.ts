/** Pauses between tries: 0.5 s, doubled each time up to 5 s, each shortened by chance so that not all who lost the server return at once. */
const FIRST_MS = 500
const LONGEST_MS = 5000

/** The pause before try `attempt` (1 is the first one after the loss), ms; `random` is 0 to 1. */
export const backoffMs = (attempt: number, random = Math.random()): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1)) * (0.5 + random / 2)

/** What promises a better try than waiting: the network is back, or the page is looked at again. Both reach the window. */
const AWAKENING = ['online', 'visibilitychange'] as const
const isHidden = (): boolean => globalThis.document?.visibilityState === 'hidden'

/** Calls `check` whenever the network or the reader returns, until aborted. */
export function onAwakening(check: () => void, signal: AbortSignal, page: EventTarget = globalThis): void {
  const awake = (): void => {
    if (!isHidden()) check()
  }
  for (const type of AWAKENING) page.addEventListener(type, awake, { signal })
}

/** Waits `ms`, less when the network or the reader returns. False when it was aborted. */
export const rest = (ms: number, signal: AbortSignal, page?: EventTarget): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const done = new AbortController()
    const end = (): void => {
      clearTimeout(timer)
      done.abort()
      resolve(!signal.aborted)
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { signal: done.signal })
    onAwakening(end, done.signal, page)
  })
