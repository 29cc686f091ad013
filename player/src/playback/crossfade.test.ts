import { expect, test } from 'vitest'
import { gainsAt } from './crossfade.ts'

test('two voices that fade over are as loud together as one alone, at every moment', () => {
  expect(gainsAt(0)).toEqual({ out: 1, in: 0 })
  for (const progress of [0, 0.1, 0.37, 0.5, 0.9, 1]) {
    const { out, in: into } = gainsAt(progress)
    expect(out ** 2 + into ** 2).toBeCloseTo(1)
  }
  expect(gainsAt(1.5).in, 'a late step does not overshoot').toBe(1)
})
