import { expect, test } from 'vitest'
import { loudness } from './microphone.ts'

test('loudness goes from −60 dBFS to full scale, as in the events of the stage', () => {
  expect(loudness(new Float32Array(8))).toBe(0)
  expect(loudness(new Float32Array(8).fill(1))).toBeCloseTo(1)
  expect(loudness(new Float32Array(8).fill(0.0316))).toBeCloseTo(0.5, 2)
})
