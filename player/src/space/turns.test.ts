import { expect, test } from 'vitest'
import type { Archive } from '../api/client.ts'
import { nextSpeaker, talkBars, talkersOf, turnsOf } from './turns.ts'

const member = (id: string, name: string) => ({
  id,
  name,
  role: 'speaker' as const,
  muted: 'no' as const,
  connected: true,
})
const stage = (second: number, talking: string[] = []): Archive['events'][number] => ({
  type: 'stage',
  frame: second * 50,
  title: 'Voices',
  members: [member('anaanaana', 'Ana'), member('benbenben', 'Ben')],
  talking,
})
const talking = (second: number, ...ids: string[]): Archive['events'][number] => ({
  type: 'talking',
  frame: second * 50,
  ids,
})
const recording = (seconds: number, ...events: Archive['events']) => ({ events, durationMs: seconds * 1000 })

test('a turn lasts from the event that names a speaker to the one that does not', () => {
  const archive = recording(20, stage(0), talking(2, 'anaanaana'), talking(5), talking(8, 'benbenben'))
  expect(turnsOf(archive)).toEqual([
    { id: 'anaanaana', start: 2, end: 5 },
    { id: 'benbenben', start: 8, end: 20 },
  ])
})

test('a breath of a second does not end a turn', () => {
  const archive = recording(9, talking(1, 'anaanaana'), talking(3), talking(4, 'anaanaana'), talking(6))
  expect(turnsOf(archive)).toEqual([{ id: 'anaanaana', start: 1, end: 6 }])
})

test('a snapshot of the stage changes who talks as well', () => {
  const archive = recording(9, stage(0, ['anaanaana']), stage(4, ['anaanaana', 'benbenben']), stage(6))
  expect(turnsOf(archive)).toEqual([
    { id: 'anaanaana', start: 0, end: 6 },
    { id: 'benbenben', start: 4, end: 6 },
  ])
})

test('talkers are told with their names and how long they spoke', () => {
  const archive = recording(10, stage(0), talking(1, 'benbenben'), talking(4), talking(8, 'benbenben'))
  expect(talkersOf(archive, turnsOf(archive))).toEqual([{ id: 'benbenben', name: 'Ben', spoke: 5 }])
})

test('the next speaker is somebody else than the one who talks', () => {
  const turns = [
    { id: 'a', start: 0, end: 4 },
    { id: 'a', start: 6, end: 8 },
    { id: 'b', start: 9, end: 12 },
  ]
  expect(nextSpeaker(turns, 1)?.start).toBe(9)
  expect(nextSpeaker(turns, 5)?.start).toBe(6)
  expect(nextSpeaker(turns, 10)).toBeUndefined()
})

test('a bar is as high as the share of its time in which somebody talked, in the colour of who talked most', () => {
  const turns = [
    { id: 'a', start: 0, end: 5 },
    { id: 'b', start: 12.5, end: 20 },
  ]
  expect(talkBars(turns, 20, 2)).toEqual([
    { share: 0.5, id: 'a' },
    { share: 0.75, id: 'b' },
  ])
})
