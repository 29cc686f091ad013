import { expect, test } from 'vitest'
import { addInto, levelByte, levelOf, mixMinus } from './mix.ts'

test('a speaker hears everyone but himself', () => {
  const ana = Float32Array.of(0.5, -0.25)
  const ben = Float32Array.of(0.125, 0.5)
  const all = new Float32Array(2)
  const out = new Float32Array(2)
  addInto(all, ana)
  addInto(all, ben)
  expect([...all]).toEqual([0.625, 0.25])
  mixMinus(all, ana, out)
  expect([...out]).toEqual([...ben])
  mixMinus(all, undefined, out)
  expect([...out]).toEqual([...all])
})

test('sums do not wrap', () => {
  const loud = Float32Array.of(0.9)
  const all = new Float32Array(1)
  for (let n = 0; n < 3; n++) addInto(all, loud)
  expect(all[0]).toBeCloseTo(2.7)
})

test('levels are dBFS, and a byte from −60 dB to full scale', () => {
  expect(levelOf(Float32Array.of(1, -1))).toBeCloseTo(0)
  expect(levelOf(Float32Array.of(0.1, -0.1))).toBeCloseTo(-20)
  expect(levelOf(new Float32Array(4))).toBe(-100)
  expect([levelByte(-100), levelByte(-60), levelByte(-30), levelByte(0), levelByte(6)]).toEqual([
    0, 0, 128, 255, 255,
  ])
})
