import { expect, test } from 'vitest'
import { LARGEST_OVERSHOOT, truePeak } from './true-peak.ts'

/** A sine at a quarter of the rate, sampled `phase` degrees off its crest. */
const quarter = (phase: number): Float32Array =>
  Float32Array.from({ length: 4800 }, (_, n) => {
    const rise = Math.min(1, n / 1000, (4800 - n) / 1000)
    return rise * 0.5 * Math.cos((Math.PI / 2) * n + (phase * Math.PI) / 180)
  })
const decibels = (linear: number): number => 20 * Math.log10(linear)

test('a crest between two samples is found: 3 dB above them for a sine at 12 kHz (EBU Tech 3341, cases 15 to 18)', () => {
  const samples = quarter(45)
  expect(decibels(samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0))).toBeCloseTo(-9.03, 1)
  expect(decibels(truePeak(samples))).toBeGreaterThan(-6.4)
  expect(decibels(truePeak(samples))).toBeLessThan(-5.8)
})

test('where the samples meet the crest, they are the peak', () => {
  expect(decibels(truePeak(quarter(0)))).toBeGreaterThan(-6.4)
  expect(decibels(truePeak(quarter(0)))).toBeLessThan(-5.8)
})

test('how much it can be at most between the samples is known', () => {
  expect(LARGEST_OVERSHOOT).toBeGreaterThan(1.9)
  expect(LARGEST_OVERSHOOT).toBeLessThan(2.2)
})
