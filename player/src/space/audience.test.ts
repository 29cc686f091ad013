import { expect, test } from 'vitest'
import { namesOf } from './audience.ts'

const sample = ['Ana', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn'].map((name) => ({ id: name.toLowerCase(), name }))

test('the newest of the audience are named, four at most, and never more than listen', () => {
  expect(namesOf(sample, 900, new Set())).toEqual(['Finn', 'Eve', 'Dan', 'Cleo'])
  expect(namesOf(sample, 2, new Set())).toEqual(['Finn', 'Eve'])
  expect(namesOf(sample, -1, new Set())).toEqual([])
})

test('the reader, and who is on stage by now, are not named in the audience', () => {
  expect(namesOf(sample, 900, new Set(['finn', 'dan']))).toEqual(['Eve', 'Cleo', 'Ben', 'Ana'])
})
