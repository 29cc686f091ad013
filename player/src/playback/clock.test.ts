import { expect, test } from 'vitest'
import { offsetOf } from './clock.ts'

test('the offset is that of the try with the smallest round trip, from the middle of it', () => {
  const slow = { sent: 0, received: 400, server: 5390 }
  const quick = { sent: 1000, received: 1020, server: 6010 }
  expect(offsetOf([slow, quick, slow])).toBe(5000)
})
