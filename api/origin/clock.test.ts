import { expect, test } from 'vitest'
import { createClock } from './clock.ts'

test('the clock never leaves the millisecond that the wall clock shows, and has a fraction', () => {
  let monotonic = 0
  let wall = 1000
  const now = createClock(
    () => Math.floor(wall),
    () => monotonic,
  )
  expect(now()).toBe(1000)
  monotonic += 0.25
  expect(now()).toBe(1000.25)
  // Slewed: the wall clock goes faster than the monotonic one.
  for (let i = 0; i < 1000; i++) {
    monotonic += 1
    wall += 1.001
    expect(Math.floor(now())).toBe(Math.floor(wall))
  }
})

test('a clock that is set, forwards or back, is followed at once', () => {
  let wall = 1000
  const now = createClock(
    () => wall,
    () => 0,
  )
  wall = 900_000
  expect(now()).toBe(900_000)
  wall = 5
  expect(now()).toBe(5)
})
