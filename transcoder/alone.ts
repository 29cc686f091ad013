import { AppError } from '@odeon/common/errors.ts'
import { randomId } from '@odeon/common/ids.ts'
import type { Store } from '@odeon/common/ports.ts'

/** Whoever is silent so long is gone, and the next one may begin. */
const TTL_MS = 10_000
const RENEWAL_MS = 3000

/**
 * Runs `work` while nobody else, on whatever machine, runs anything under the same name. Throws `busy` (503) when somebody does; the signal aborts when
 * that can't be said any more.
 */
export async function alone<T>(
  store: Store,
  name: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = await store.acquire(name, randomId(12), TTL_MS)
  if (!lease) throw new AppError(503, 'busy', `Somebody else is at ${name}.`)
  const lost = new AbortController()
  const lose = (): void => lost.abort(new AppError(503, 'busy', `The lease of ${name} was lost.`))
  let safeUntil = performance.now() + TTL_MS
  const timer = setInterval(() => {
    const asked = performance.now()
    store
      .renew(lease, TTL_MS)
      .then((kept) => {
        if (kept) safeUntil = asked + TTL_MS
        else lose()
      })
      .catch(() => {
        if (performance.now() + RENEWAL_MS > safeUntil) lose()
      })
  }, RENEWAL_MS)
  try {
    return await work(lost.signal)
  } finally {
    clearInterval(timer)
    await store.release(lease).catch(() => {}) // It runs out by itself.
  }
}
