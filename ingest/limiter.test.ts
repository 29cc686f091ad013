import { expect, test } from 'vitest'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { CEILING, Limiter, LOOK_AHEAD } from './limiter.ts'
import { truePeak } from './true-peak.ts'

const run = (signal: (n: number) => number, frames: number, limiter = new Limiter()): Float32Array => {
  const out = new Float32Array(frames * FRAME_SAMPLES)
  for (let f = 0; f < frames; f++) {
    const frame = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => signal(f * FRAME_SAMPLES + i))
    limiter.process(frame)
    out.set(frame, f * FRAME_SAMPLES)
  }
  return out
}
const peak = (samples: Float32Array): number => samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
const sine = (n: number, hz = 440): number => Math.sin((2 * Math.PI * hz * n) / 48_000)
/** −1 dBTP. */
const ALLOWED = 10 ** (-1 / 20)
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 31 - 1
}

test('what stays below the ceiling is only delayed', () => {
  for (const loudness of [0.3, 0.8]) {
    const out = run((n) => loudness * sine(n), 20)
    for (let n = LOOK_AHEAD; n < out.length; n++)
      expect(out[n]).toBeCloseTo(loudness * sine(n - LOOK_AHEAD), 6)
  }
})

test('nothing exceeds the ceiling, whatever comes in', () => {
  expect(peak(run((n) => 20 * sine(n), 50))).toBeLessThanOrEqual(CEILING)
  expect(peak(run((n) => (n % 7001 === 0 ? 1000 : 0.1 * sine(n)), 50))).toBeLessThanOrEqual(CEILING)
  expect(peak(run((n) => (n % 2 ? NaN : Infinity), 2))).toBe(0)
})

test('neither does it between the samples: −1 dBTP for what would come out as 3 dB more', () => {
  const between = (n: number): number => Math.cos((Math.PI / 2) * n + Math.PI / 4) // Its samples are at −3 dBFS.
  const noise = random(7)
  const loud = (n: number): number => 3 * noise() * (0.2 + Math.abs(sine(n, 3)))
  for (const signal of [between, loud, (n: number) => 4 * sine(n, 11_000) * sine(n, 5)])
    expect(truePeak(run(signal, 100))).toBeLessThanOrEqual(ALLOWED)
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
