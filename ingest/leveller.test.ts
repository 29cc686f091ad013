import { expect, test } from 'vitest'
import { Leveller, MAX_GAIN, MIN_GAIN } from './leveller.ts'
import { powerOf } from './loudness.ts'

/** The gain after each second of a voice of that loudness. */
const speak = (leveller: Leveller, loudness: number, seconds: number): number[] =>
  Array.from({ length: seconds }, () => {
    for (let frame = 0; frame < 50; frame++) leveller.hear(powerOf(loudness))
    return leveller.gain
  })

test('a voice is within 1.5 dB of −16 LUFS after four seconds, whether it began 18 dB too soft or 10 dB too loud', () => {
  expect(speak(new Leveller(), -34, 4).at(-1)).toBeGreaterThan(16.5)
  expect(speak(new Leveller(), -6, 4).at(-1)).toBeLessThan(-8.5)
})

test('it moves by at most 6 dB up and 10 dB down in a second', () => {
  const up = speak(new Leveller(), -34, 5)
  expect(Math.max(...up.map((gain, n) => gain - (up[n - 1] ?? 0)))).toBeLessThanOrEqual(6.01)
  const down = speak(new Leveller(), -2, 5)
  expect(Math.min(...down.map((gain, n) => gain - (down[n - 1] ?? 0)))).toBeGreaterThanOrEqual(-10.01)
})

test('who speaks at the right level, or nearly, is left as he is', () => {
  for (const loudness of [-16, -16.8, -15.2]) expect(speak(new Leveller(), loudness, 10).at(-1)).toBe(0)
})

test('later it follows slowly: a word said louder changes nothing, a speaker who leans back is followed at 1.5 dB a second', () => {
  const leveller = new Leveller()
  const before = speak(leveller, -26, 10).at(-1)!
  for (let frame = 0; frame < 15; frame++) leveller.hear(powerOf(-20))
  expect(Math.abs(leveller.gain - before)).toBeLessThan(1)
  const back = speak(leveller, -34, 20)
  expect(Math.max(...back.map((gain, n) => gain - (back[n - 1] ?? before)))).toBeLessThanOrEqual(1.51)
  expect(back.at(-1)).toBeGreaterThan(16.5)
})

test('the gain has limits', () => {
  expect(speak(new Leveller(), -60, 30).at(-1)).toBeCloseTo(MAX_GAIN, 0)
  expect(speak(new Leveller(), 0, 30).at(-1)).toBeGreaterThanOrEqual(MIN_GAIN)
})

test('without speech it stays as it is, and knows no loudness', () => {
  const leveller = new Leveller()
  expect(leveller.gain).toBe(0)
  expect(leveller.loudness).toBeUndefined()
})
