import { expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

test('a burst passes, then so many a second, however many come', () => {
  const bucket = new TokenBucket({ perSecond: 400, burst: 200 })
  const passed = (from: number): number => {
    let count = 0
    for (let n = 0; n < 10_000; n++) if (bucket.take(from + n / 10)) count++
    return count
  }
  expect(passed(0)).toBe(200 + 399)
  expect(passed(1000)).toBe(400)
  expect(passed(60_000)).toBe(200 + 399)
})
