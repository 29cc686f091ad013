import { expect, test } from 'vitest'
import { findPeriod, lengthen, MAX_LAG, MIN_LAG, shorten } from './stretch.ts'

const HERTZ = 150 // A period of 320 samples.
const tone = (length: number): Float32Array =>
  Float32Array.from(
    { length },
    (_, i) =>
      Math.sin((2 * Math.PI * HERTZ * i) / 48_000) + 0.5 * Math.sin((4 * Math.PI * HERTZ * i) / 48_000),
  )
const worst = (heard: Float32Array, wanted: Float32Array): number =>
  heard.reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i]!)), 0)

test('the period of a voice is found, forward and back', () => {
  const pcm = tone(3000)
  expect(findPeriod(pcm, 0, MIN_LAG, MAX_LAG).lag % 320).toBe(0)
  const back = findPeriod(pcm, 1000, -MAX_LAG, -MIN_LAG)
  expect(back.lag % 320).toBe(-0)
  expect(back.likeness).toBeCloseTo(1, 5)
})

test('a period taken out or put in leaves the wave as it was', () => {
  const pcm = tone(1920)
  expect(shorten(pcm, 1920, 320, 320)).toBe(1600)
  expect(worst(pcm.subarray(0, 1600), tone(1600))).toBeLessThan(1e-5)

  const longer = new Float32Array(3000)
  longer.set(tone(1920))
  expect(lengthen(longer, 720, 1920, 320)).toBe(2240)
  expect(worst(longer.subarray(0, 2240), tone(2240))).toBeLessThan(1e-5)
})

test('what does not repeat itself is faded: no step is larger than those of the sound itself', () => {
  const chirp = Float32Array.from({ length: 1920 }, (_, i) => Math.sin((i * i) / 40_000))
  const steps = (pcm: Float32Array): number =>
    pcm.reduce((most, x, i) => (i === 0 ? 0 : Math.max(most, Math.abs(x - pcm[i - 1]!))), 0)
  const before = steps(chirp)
  const length = shorten(chirp, 1920, 500, 500)
  expect(steps(chirp.subarray(0, length))).toBeLessThanOrEqual(before)
})
