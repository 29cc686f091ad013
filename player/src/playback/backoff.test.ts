import { expect, test } from 'vitest'
import { backoffMs, rest } from './backoff.ts'

test('each pause is twice the one before, up to five seconds, and up to a half shorter by chance', () => {
  expect([1, 2, 3, 4, 5, 20].map((attempt) => backoffMs(attempt, 1))).toEqual([
    500, 1000, 2000, 4000, 5000, 5000,
  ])
  expect(backoffMs(2, 0)).toBe(500)
})

test('a pause ends at once when the network returns, and when it is no longer wanted', async () => {
  const page = new EventTarget()
  const waiting = rest(3_600_000, new AbortController().signal, page)
  page.dispatchEvent(new Event('online'))
  expect(await waiting).toBe(true)
  const stop = new AbortController()
  const unwanted = rest(3_600_000, stop.signal, page)
  stop.abort()
  expect(await unwanted).toBe(false)
})
