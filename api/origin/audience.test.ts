import { expect, test } from 'vitest'
import { AAC } from '@odeon/common/rendition.ts'
import { Audience } from './audience.ts'

test('players that ask for a playlist a part count as many as they are', () => {
  const audience = new Audience(AAC)
  for (let ms = 0; ms < 8000; ms += 10_240 / 48) for (let i = 0; i < 25; i++) audience.playlistAsked(ms, true)
  expect(audience.listeners(8000, 4)).toBeGreaterThanOrEqual(24)
  expect(audience.listeners(8000, 4)).toBeLessThanOrEqual(26)
  expect(audience.listeners(20_000, 4)).toBe(0)
})

test('players that reload the plain playlist every target duration count too', () => {
  const audience = new Audience(AAC)
  for (let ms = 0; ms < 10_000; ms += 2000) for (let i = 0; i < 10; i++) audience.playlistAsked(ms, false)
  expect(audience.listeners(10_000, 4)).toBeGreaterThanOrEqual(8)
  expect(audience.listeners(10_000, 4)).toBeLessThanOrEqual(12)
})

test('one plain playlist, which every player asks for at first, is nobody yet', () => {
  const audience = new Audience(AAC)
  audience.playlistAsked(1000, false)
  expect(audience.listeners(2500, 4)).toBe(0)
})

test('who asks for a segment early counts once that segment grows', () => {
  const audience = new Audience(AAC)
  audience.segmentAsked(3)
  audience.segmentAsked(4)
  const leave = audience.segmentAsked(4)
  expect(audience.listeners(0, 3)).toBe(1)
  expect(audience.listeners(0, 4)).toBe(2)
  leave()
  expect(audience.listeners(0, 4)).toBe(1)
  expect(audience.listeners(0, undefined)).toBe(0)
})

test('nothing is kept of segments long gone', () => {
  const audience = new Audience(AAC)
  for (let msn = 0; msn < 100; msn++) audience.segmentAsked(msn)
  expect(audience.listeners(0, 50)).toBe(0)
  expect(audience.listeners(0, 99)).toBe(1)
})
