import { expect, test } from 'vitest'
import { clock, fromNow, listed, spell } from './format.ts'
import { hueOf, initials, Wardrobe } from './face.ts'

test('a clock shows hours only when there are some', () => {
  expect([0, 65.9, 3729].map(clock)).toEqual(['0:00', '1:05', '1:02:09'])
})

test('a time is spelt in the largest units that matter', () => {
  expect([40, 61, 3599, 3900].map((seconds) => spell(seconds, 'en-US'))).toEqual([
    '40 sec',
    '1 min',
    '1 hr',
    '1 hr 5 min',
  ])
})

test('a time to come is told in minutes, hours or days', () => {
  const now = new Date(2026, 10, 23, 12).getTime()
  const inHours = (hours: number): string => fromNow(now + hours * 3600_000, 'en', now)
  expect([0.5, 3, 24, 72].map(inHours)).toEqual(['in 30 minutes', 'in 3 hours', 'tomorrow', 'in 3 days'])
})

test('long lists of names end in a number', () => {
  expect(listed(['Ana', 'Ben'], 'en')).toBe('Ana and Ben')
  expect(listed(['Ana', 'Ben', 'Cleo', 'Dmitri', 'Elif'], 'en')).toBe('Ana, Ben, and +3')
})

test('initials are the first letters of the first and the last word', () => {
  expect(['Ana Maria Ferreira', 'ben', 'élise-o', '李 雷', ' '].map(initials)).toEqual([
    'AF',
    'B',
    'ÉO',
    '李雷',
    '',
  ])
})

test('the same person has the same colour, and no two of a space as long as there are enough', () => {
  const wardrobe = new Wardrobe()
  const ids = Array.from({ length: 12 }, (_, n) => `person${n}`)
  const hues = ids.map((id) => wardrobe.hueOf(id))
  expect(hues[0]).toBe(hueOf('person0'))
  expect(new Set(hues).size).toBe(12)
  expect(ids.map((id) => wardrobe.hueOf(id))).toEqual(hues)
})

test('a picture is kept for who has left the stage, and gone for who is there without one', () => {
  const wardrobe = new Wardrobe()
  wardrobe.see([{ id: 'ana', face: 'one' }, { id: 'ben', face: 'two' }, { id: 'cleo' }])
  wardrobe.see([{ id: 'ben' }])
  expect(['ana', 'ben', 'cleo'].map((id) => wardrobe.faceOf(id))).toEqual(['one', undefined, undefined])
})
