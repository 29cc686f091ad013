import { expect, test } from 'vitest'
import { atLevel, white } from '../e2e/noise.ts'
import { decode, speech } from '../e2e/sound.ts'
import { stoi, STOI_RATE } from './stoi.ts'

const clean = await decode(speech('host-en'), STOI_RATE)
const noisy = (level: number): Float32Array => {
  const noise = atLevel(white(clean.length), level)
  return clean.map((x, n) => x + noise[n]!)
}

test('it says what the reference implementation (pystoi 0.4.1) says of the same recordings', () => {
  for (const [level, plain, extended] of [
    [-20, 0.73596, 0.43718],
    [-30, 0.91409, 0.75127],
    [-40, 0.97977, 0.92734],
  ] as const) {
    expect(stoi(clean, noisy(level))).toBeCloseTo(plain, 3)
    expect(stoi(clean, noisy(level), true)).toBeCloseTo(extended, 3)
  }
})

test('the same is 1, at any loudness; noise alone is far from it', () => {
  const softer = clean.map((x) => 0.1 * x)
  expect(stoi(clean, softer)).toBeCloseTo(1, 6)
  expect(stoi(clean, softer, true)).toBeCloseTo(1, 6)
  expect(stoi(clean, atLevel(white(clean.length), -20))).toBeLessThan(0.5)
})

test('recordings that can’t be compared are refused', () => {
  expect(() => stoi(clean, clean.subarray(1))).toThrow(/differ in length/)
  expect(() => stoi(clean.subarray(0, 3000), clean.subarray(0, 3000))).toThrow(/Too short/)
})
