import type { StageMember, TimedEvent } from '@odeon/common/events.ts'
import { expect, test } from 'vitest'
import { Timeline } from './timeline.ts'

const START = 1_700_000_000_000
const ANA = 'anaanaana'
const BEN = 'benbenben'
const member = (id: string): StageMember => ({ id, name: id, role: 'speaker', muted: 'no', connected: true })
const stage = (frame: number, ids: string[], talking: string[] = []): TimedEvent => ({
  type: 'stage',
  frame,
  title: 'An evening',
  members: ids.map(member),
  talking,
})
const talking = (frame: number, ...ids: string[]): TimedEvent => ({ type: 'talking', frame, ids })
const levels = (frame: number, level: number): TimedEvent => ({
  type: 'levels',
  frame,
  levels: { [ANA]: level },
})

function timeline(events: TimedEvent[], capacity?: number): Timeline {
  const made = new Timeline({ ...(capacity && { capacity }) })
  made.add({ startedAt: START, events })
  return made
}

test('an event is seen when its frame is heard, not when it arrives', () => {
  const heard = timeline([stage(0, [ANA]), talking(50, ANA)])
  expect(heard.at(START + 999)?.talking).toEqual([])
  expect(heard.at(START + 1000)?.talking).toEqual([ANA])
})

test('before the first stage there is nothing to see', () => {
  expect(timeline([stage(10, [ANA])]).at(START)).toBeUndefined()
  expect(new Timeline().at(START)).toBeUndefined()
})

test('the first stage has a date, so that a replay can show it before the mixer’s first frame', () => {
  expect(timeline([stage(96, [BEN]), stage(10, [ANA])]).firstDate).toBe(START + 200)
  expect(new Timeline().firstDate).toBeUndefined()
})

test('a seek backwards shows what was', () => {
  const heard = timeline([stage(0, [ANA]), talking(50, ANA), stage(96, [ANA, BEN], [BEN])])
  expect(heard.at(START + 96 * 20)?.members.map(({ id }) => id)).toEqual([ANA, BEN])
  expect(heard.at(START + 60 * 20)).toMatchObject({ talking: [ANA], members: [{ id: ANA }] })
})

test('a snapshot of the stage says who talks until somebody else does', () => {
  const heard = timeline([talking(50, ANA), stage(96, [ANA, BEN], [BEN]), talking(100)])
  expect(heard.at(START + 96 * 20)?.talking).toEqual([BEN])
  expect(heard.at(START + 100 * 20)?.talking).toEqual([])
})

test('chunks may come in any order and twice', () => {
  const heard = timeline([stage(96, [ANA, BEN])])
  heard.add({ startedAt: START, events: [stage(0, [ANA]), talking(50, ANA)] })
  heard.add({ startedAt: START, events: [stage(0, [ANA]), talking(50, ANA)] })
  expect(heard.at(START + 1000)?.talking).toEqual([ANA])
  expect(heard.at(START + 2000)?.members).toHaveLength(2)
})

test('the state is the same object while nothing changes, so that a page draws only what is new', () => {
  const heard = timeline([stage(0, [ANA]), talking(50, ANA)])
  expect(heard.at(START + 1100)).toBe(heard.at(START + 1500))
})

test('the oldest events go when the buffer is full, and are counted', () => {
  const heard = timeline([stage(0, [ANA]), stage(96, [BEN]), stage(192, [ANA, BEN])], 2)
  expect(heard.dropped).toBe(1)
  expect(heard.at(START + 1000)).toBeUndefined()
  expect(heard.at(START + 96 * 20)?.members).toMatchObject([{ id: BEN }])
})

test('a level goes straight from one reading to the next, and to nothing when none follows', () => {
  const heard = timeline([levels(0, 0), levels(5, 255), levels(10, 51)])
  expect(heard.levelAt(START + 50, ANA)).toBeCloseTo(0.5)
  expect(heard.levelAt(START + 100, ANA)).toBeCloseTo(1)
  expect(heard.levelAt(START + 150, ANA)).toBeCloseTo(0.6)
  expect(heard.levelAt(START + 200 + 150, ANA)).toBeCloseTo(0.1)
  expect(heard.levelAt(START + 1000, ANA)).toBe(0)
  expect(heard.levelAt(START + 100, BEN)).toBe(0)
})

test('after a while without news nobody is shown as talking', () => {
  const heard = new Timeline({ staleMs: 3000 })
  heard.add({ startedAt: START, events: [stage(0, [ANA], [ANA])] })
  expect(heard.at(START + 3000)?.talking).toEqual([ANA])
  expect(heard.at(START + 3001)).toMatchObject({ talking: [], members: [{ id: ANA }] })
})

test('in a full buffer, what is furthest from the newcomer goes: after a seek back, the end', () => {
  const heard = timeline([stage(960, [ANA]), stage(1056, [BEN]), stage(1152, [ANA])], 3)
  heard.add({ startedAt: START, events: [stage(0, [BEN])] })
  expect(heard.at(START)?.members).toMatchObject([{ id: BEN }])
  expect(heard.at(START + 1200 * 20)?.members).toMatchObject([{ id: BEN }])
})
