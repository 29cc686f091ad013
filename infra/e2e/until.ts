import { setTimeout as pause } from 'node:timers/promises'

/** Asks until the answer is true; answers how long that took, ms. Throws with `what` and the last error when it was never. */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  { timeoutMs = 60_000, everyMs = 20 } = {},
): Promise<number> {
  const since = performance.now()
  for (;;) {
    let last: unknown = 'it was false'
    try {
      if (await check()) return performance.now() - since
    } catch (error) {
      last = error
    }
    if (performance.now() - since > timeoutMs)
      throw new Error(`Not within ${timeoutMs / 1000} s: ${what} (${String(last)}).`, { cause: last })
    await pause(everyMs)
  }
}
