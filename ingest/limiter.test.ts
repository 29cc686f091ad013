import { expect, test } from 'vitest'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { CEILING, Limiter, LOOK_AHEAD } from './limiter.ts'

const run = (signal: (n: number) => number, frames: number): Float32Array => {
  const limiter = new Limiter()
  const out = new Float32Array(frames * FRAME_SAMPLES)
  for (let f = 0; f < frames; f++) {
    const frame = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => signal(f * FRAME_SAMPLES + i))
    limiter.process(frame)
    out.set(frame, f * FRAME_SAMPLES)
  }
  return out
}
const peak = (samples: Float32Array): number => samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
const sine = (n: number): number => Math.sin((2 * Math.PI * 440 * n) / 48_000)

test('what stays below the ceiling is only delayed', () => {
  const out = run((n) => 0.8 * sine(n), 20)
  for (let n = LOOK_AHEAD; n < out.length; n++) expect(out[n]).toBeCloseTo(0.8 * sine(n - LOOK_AHEAD), 6)
})

test('nothing exceeds the ceiling, whatever comes in', () => {
  expect(peak(run((n) => 20 * sine(n), 50))).toBeLessThanOrEqual(CEILING)
  expect(peak(run((n) => (n % 7001 === 0 ? 1000 : 0.1 * sine(n)), 50))).toBeLessThanOrEqual(CEILING)
  expect(peak(run((n) => (n % 2 ? NaN : Infinity), 2))).toBe(0)
})

test('three shouters keep their wave form: loud sines come out as sines, not as squares', () => {
  const out = run((n) => 3 * sine(n), 50).subarray(40 * FRAME_SAMPLES)
  let best = 0
  for (const phase of Array.from({ length: 110 }, (_, k) => k)) {
    let dot = 0
    let a = 0
    let b = 0
    out.forEach((x, n) => {
      const y = sine(n + phase)
      dot += x * y
      a += x * x
      b += y * y
    })
    best = Math.max(best, dot / Math.sqrt(a * b))
  }
  expect(best).toBeGreaterThan(0.999)
})

test('the gain comes back after a peak', () => {
  const out = run((n) => (n < 9600 ? 4 : 0.5) * sine(n), 60)
  expect(peak(out.subarray(50 * FRAME_SAMPLES))).toBeCloseTo(0.5, 2)
})

test('a limiter that follows another goes on exactly as that one would', () => {
  const [one, two] = [new Limiter(), new Limiter()]
  const loud = (): Float32Array =>
    Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => 1.7 * Math.sin(i / 9) * Math.sin(i / 200))
  for (let n = 0; n < 5; n++) one.process(loud())
  two.follow(one)
  for (let n = 0; n < 5; n++) {
    const [a, b] = [loud(), loud()]
    one.process(a)
    two.process(b)
    expect(b).toEqual(a)
  }
})
