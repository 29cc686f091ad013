import { expect, test } from 'vitest'
import { gatedPower, integratedLoudness, lufs, powerOf } from './loudness.ts'

const sine = (seconds: number, hz: number, amplitude: number): Float32Array =>
  Float32Array.from(
    { length: seconds * 48_000 },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / 48_000),
  )
const joined = (...parts: Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
const dB = (db: number): number => 10 ** (db / 20)

test('a full-scale sine of 997 Hz in one channel is −3.01 LUFS, as BS.1770-4 says it must be', () => {
  expect(integratedLoudness(sine(5, 997, 1))).toBeCloseTo(-3.01, 2)
})

test('a step of 10 dB is a step of 10 LU, and powers go there and back', () => {
  expect(integratedLoudness(sine(5, 997, 0.1))).toBeCloseTo(-23.01, 2)
  expect(lufs(powerOf(-16))).toBeCloseTo(-16, 9)
})

test('what lies 10 LU below the rest does not count: −36, −23 and −36 LUFS are −23 (EBU Tech 3341, case 3)', () => {
  const quiet = sine(10, 1000, dB(-36 + 3.01))
  const loud = sine(60, 1000, dB(-23 + 3.01))
  expect(Math.abs(integratedLoudness(joined(quiet, loud, quiet)) + 23)).toBeLessThan(0.1)
})

test('silence counts as little as noise below −70 LUFS: −72, −36, −23, −36, −72 LUFS are −23 (case 4)', () => {
  const at = (level: number, seconds: number) => sine(seconds, 1000, dB(level + 3.01))
  const all = joined(at(-72, 10), at(-36, 10), at(-23, 60), at(-36, 10), at(-72, 10))
  expect(Math.abs(integratedLoudness(all) + 23)).toBeLessThan(0.1)
  expect(integratedLoudness(new Float32Array(48_000))).toBe(-Infinity)
  expect(gatedPower([])).toBe(0)
})

test('low frequencies count less and high ones more', () => {
  expect(integratedLoudness(sine(3, 40, 0.5))).toBeLessThan(integratedLoudness(sine(3, 997, 0.5)) - 4)
  expect(integratedLoudness(sine(3, 8000, 0.5))).toBeGreaterThan(integratedLoudness(sine(3, 997, 0.5)) + 3)
})
