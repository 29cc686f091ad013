import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BeatSlots, startBeat } from './beat.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('an hour of beats does not drift: every frame comes when its 20 ms are over', () => {
  const startedAt = Date.now()
  const late: number[] = []
  let last = -1
  const stop = startBeat({
    startedAt,
    first: 0,
    now: () => Date.now(),
    onFrame: (frame, by) => {
      expect(frame).toBe(last + 1)
      last = frame
      late.push(by)
    },
  })
  vi.advanceTimersByTime(3600_000)
  stop()
  expect(last).toBe(3600 * 50 - 1)
  expect(Math.max(...late.slice(0, 100), ...late.slice(-100))).toBeLessThanOrEqual(1)
})

test('after a short pause the missed frames are caught up; after a long one the old ones become a hole', () => {
  let now = 10_000
  const frames: number[] = []
  const stop = startBeat({
    startedAt: 10_000,
    first: 0,
    now: () => now,
    onFrame: (frame) => frames.push(frame),
  })
  now = 10_100
  vi.advanceTimersByTime(20)
  expect(frames).toEqual([0, 1, 2, 3, 4])
  now = 15_000
  vi.advanceTimersByTime(20)
  expect(frames.slice(5)).toEqual([249])
  stop()
})

test('the beats of a node are spread over the 20 ms, each put off as little as possible', () => {
  const slots = new BeatSlots()
  const first = slots.take(40_000)
  expect(first.delay).toBe(0)
  expect(slots.take(40_010).delay).toBe(0)
  const third = slots.take(40_000)
  expect(third.delay).toBe(2)
  expect(slots.take(39_999.5).delay).toBe(4.5)
  third.release()
  third.release()
  expect(slots.take(40_000).delay).toBe(2)
  for (let n = 0; n < 200; n++) expect(slots.take(40_000).delay).toBeLessThan(20)
})

test('a beat that is put off comes with its frame, and is late from then on only', () => {
  const startedAt = Date.now()
  const seen: [number, number][] = []
  const stop = startBeat({
    startedAt,
    first: 0,
    now: () => Date.now(),
    delay: 5,
    onFrame: (frame, late) => seen.push([frame, late]),
  })
  vi.advanceTimersByTime(24)
  expect(seen).toEqual([])
  vi.advanceTimersByTime(20)
  stop()
  expect(seen).toEqual([[0, 0]])
})
