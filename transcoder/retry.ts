import { setTimeout as delay } from 'node:timers/promises'

export interface RetryOptions {
  signal: AbortSignal
  /** Pause after the first failure, ms; doubles with each. */
  firstMs: number
  longestMs: number
  onFailure: (error: unknown) => void | Promise<void>
}

/** Runs `task` until it succeeds. Throws once the signal aborts; there is no other limit. */
export async function untilDone<T>(task: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let pause = options.firstMs; ; pause = Math.min(pause * 2, options.longestMs)) {
    options.signal.throwIfAborted()
    try {
      return await task()
    } catch (error) {
      options.signal.throwIfAborted()
      await options.onFailure(error)
    }
    await delay(pause, undefined, { signal: options.signal })
  }
}
