import { expect, test } from 'vitest'
import { houseFor } from './seats.ts'

test('the seats move together as more people come, so that a full house looks full', () => {
  const few = houseFor(5, 1200, 240)
  const many = houseFor(2000, 1200, 240)
  expect(many.seats.length).toBeGreaterThan(few.seats.length * 3)
  expect(many.radius).toBeLessThan(few.radius)
  expect(few.seats.length).toBeGreaterThan(5)
})

test('everyone has a seat of his own inside the house', () => {
  const { seats } = houseFor(300, 360, 200)
  expect(seats.every(({ x, y }) => x > 0 && x < 360 && y > 0 && y < 200)).toBe(true)
  expect(new Set(seats.map(({ x, y }) => `${x} ${y}`)).size).toBe(seats.length)
})

test('a house is the same each time, so that nobody changes his seat', () => {
  expect(houseFor(40, 800, 200)).toEqual(houseFor(40, 800, 200))
})
