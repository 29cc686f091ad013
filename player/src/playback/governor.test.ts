import { expect, test } from 'vitest'
import { Governor, LEAST, MAX_RATE, MIN_RATE } from './governor.ts'

const CHUNK = 5120 / 48_000

interface Network {
  /** Seconds between the end of a chunk's sound and its arrival. */
  lateness(chunk: number): number
}

/** Plays a live stream with a governor by a hand-driven clock; answers what was seen in the last ten seconds. */
function play(seconds: number, network: Network, startBuffer: number) {
  const governor = new Governor()
  const step = 0.05
  let position = 0 // Of the playhead on the stage's clock.
  let stalls = 0
  let skipped = 0
  const rates: number[] = []
  const delays: number[] = []
  const begin = 10
  position = begin - startBuffer
  let chunk = Math.floor(begin / CHUNK)
  let arrived = begin
  for (let now = begin; now < begin + seconds; now += step) {
    while ((chunk + 1) * CHUNK + network.lateness(chunk) <= now) arrived = ++chunk * CHUNK
    const buffer = Math.max(0, arrived - position)
    const rate = rates.at(-1) ?? 1
    const advice = governor.update({ now, buffer, rate, playing: true })
    if (advice.skip) {
      position += advice.skip
      skipped++
    }
    rates.push(advice.rate)
    const wanted = step * advice.rate
    if (wanted > arrived - position) {
      stalls++
      governor.stalled()
    }
    position += Math.min(wanted, Math.max(0, arrived - position))
    delays.push(now - position)
  }
  const last = <T>(values: T[]): T[] => values.slice(-200)
  return { governor, stalls, skipped, rates: last(rates), delays: last(delays) }
}

const calm: Network = { lateness: () => 0.06 }

test('on a good network it comes down to just above the least buffer, and then rests at the rate 1', () => {
  const { rates, delays, stalls } = play(90, calm, 0.9)
  expect(stalls).toBe(0)
  expect(new Set(rates)).toEqual(new Set([1]))
  expect(Math.max(...delays)).toBeLessThan(LEAST + CHUNK + 0.06 + 0.1)
})

test('it comes down without a stall where chunks come up to 200 ms late, and stays further away', () => {
  const jitter: Network = {
    lateness: (chunk) => 0.06 + (chunk % 47 === 0 ? 0.2 : 0.03 * Math.abs(Math.sin(chunk * 1.7))),
  }
  const { stalls, delays } = play(120, jitter, 0.9)
  expect(stalls).toBe(0)
  expect(Math.min(...delays)).toBeGreaterThan(LEAST + 0.1)
  expect(Math.max(...delays)).toBeLessThan(0.7)
})

test('when the network gets worse it holds back, and comes down again when it is good', () => {
  const worse: Network = { lateness: (chunk) => (chunk > 300 && chunk < 600 ? 0.35 : 0.06) }
  const { delays, rates } = play(180, worse, 0.5)
  expect(Math.max(...delays)).toBeLessThan(0.6)
  expect(Math.min(...rates)).toBeGreaterThanOrEqual(MIN_RATE)
})

test('more than a second too late it seeks instead of hurrying', () => {
  const { skipped, delays } = play(30, calm, 6)
  expect(skipped).toBe(1)
  expect(Math.max(...delays)).toBeLessThan(0.6)
})

test('an hour later it is where it was: the delay does not creep', () => {
  const jitter: Network = { lateness: (chunk) => 0.06 + 0.05 * Math.abs(Math.sin(chunk * 1.7)) }
  const { delays, stalls } = play(3600, jitter, 0.5)
  expect(stalls).toBe(0)
  expect(Math.max(...delays)).toBeLessThan(0.5)
})

test('the rate stays within what nobody hears', () => {
  for (const start of [0.05, 0.3, 0.8]) {
    const { rates } = play(8, calm, start)
    expect(Math.max(...rates)).toBeLessThanOrEqual(MAX_RATE)
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(MIN_RATE)
  }
})

test('sound that was loaded at once is not taken for jitter, and a pause is forgotten', () => {
  const governor = new Governor()
  const at = (now: number, buffer: number, playing = true) =>
    governor.update({ now, buffer, rate: 1, playing })
  for (let now = 0; now < 3; now += 0.1) at(now, 0.05)
  for (let now = 3; now < 5; now += 0.1) at(now, 0.9)
  expect(governor.smallest).toBeCloseTo(0.8)
  at(5, 0.9, false)
  expect(governor.smallest).toBeUndefined()
})

/** A listener by a clock of 10 ms on a network 80 ms away, up to 30 ms of jitter, with a stop of 200 ms every 5 s, as in `bench:latency`. */
function playFar(seconds: number, random: () => number): number {
  const governor = new Governor()
  const phase = random() * 5
  let last = 0
  const arrival = (end: number): number => {
    const at = end + 0.1 + random() * 0.03
    const stop = (at + phase) % 5
    return (last = Math.max(last, stop < 0.2 ? at + 0.2 - stop : at))
  }
  let chunk = 100
  let next = arrival((chunk + 1) * CHUNK)
  let position = chunk * CHUNK - 0.5 + random() * 0.05
  let rate = 1
  let stalls = 0
  for (let tick = 0; tick < seconds * 100; tick++) {
    const now = 100 * CHUNK + tick / 100
    while (next <= now) next = arrival((++chunk + 1) * CHUNK)
    const buffer = chunk * CHUNK - position
    if (tick % 5 === 0) rate = governor.update({ now, buffer, rate, playing: true }).rate
    if (buffer < HEARD) {
      stalls++
      governor.stalled()
      position -= 0.1 // It waits until there is something again.
    }
    position += rate / 100
  }
  return stalls
}
/** Chromium stops when so much is left. */
const HEARD = 0.045

test('a network that stops for 200 ms every five seconds stops nobody’s sound', () => {
  let state = 1
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
  const stalls = Array.from({ length: 50 }, () => playFar(120, random))
  expect(stalls.filter((count) => count > 0)).toEqual([])
})
