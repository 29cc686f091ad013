import { expect, test } from 'vitest'
import { curve, inOrder, rowsOf } from './seating.ts'

const people = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

test('up to seven sit in one row', () => {
  expect(rowsOf(people(7))).toEqual([people(7)])
  expect(rowsOf([])).toEqual([])
})

test('more than seven sit in rows of nearly the same length', () => {
  expect(rowsOf(people(8)).map((row) => row.length)).toEqual([4, 4])
  expect(rowsOf(people(20)).map((row) => row.length)).toEqual([7, 7, 6])
})

test('a row is a symmetrical arc, flat in the middle and fully bent at the ends of seven seats', () => {
  expect(people(7).map((n) => curve(n, 7))).toEqual([1, 4 / 9, 1 / 9, 0, 1 / 9, 4 / 9, 1])
  expect(curve(0, 1)).toBe(0)
  expect(curve(0, 2)).toBe(curve(1, 2))
})

test('the host comes first, the others as they came', () => {
  const [ana, ben, cleo] = [
    { id: 'ana', role: 'speaker' as const },
    { id: 'ben', role: 'speaker' as const },
    { id: 'cleo', role: 'host' as const },
  ]
  expect(inOrder([ana, ben, cleo])).toEqual([cleo, ana, ben])
})
