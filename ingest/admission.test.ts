import { MAX_WAITING } from '@odeon/common/room.ts'
import { newSpace, type Space } from '@odeon/common/space.ts'
import { expect, test } from 'vitest'
import { admit, type Door } from './admission.ts'
import { Hands } from './hands.ts'
import { Stage } from './stage.ts'

const hana = { id: 'hanahana', name: 'Hana' }
const ana = { id: 'anaanaana', name: 'Ana' }
const space: Space = {
  ...newSpace({ id: 'testspace', title: 'A talk', host: hana, createdAt: 0 }),
  state: 'live',
  policy: 'request',
}
function handsOf(...ids: string[]): Hands {
  const hands = new Hands({ lifeMs: 45_000 })
  for (const id of ids) hands.raise(id, 'Guest', 0)
  return hands
}
const door = (over: Partial<Door> = {}): Door => ({
  space,
  stage: new Stage('A talk'),
  hands: handsOf(ana.id),
  invited: false,
  waiting: 0,
  ...over,
})
const listener = { ...ana, role: 'listener' } as const

test('as many connections as there is room for are made ready; whoever comes after them is told to dial when his hand is accepted', () => {
  expect(admit(listener, door({ waiting: MAX_WAITING - 1 }))).toBe('listener')
  expect(() => admit(listener, door({ waiting: MAX_WAITING }))).toThrow(
    expect.objectContaining({ status: 409, code: 'waiting_full' }),
  )
})

test('whoever is let on needs no place among those who wait: he dials, and is on stage', () => {
  const letOn = {
    ...space,
    speakers: { ...space.speakers, [ana.id]: { name: 'Ana', role: 'speaker' as const } },
  }
  expect(admit({ ...ana, role: 'speaker' }, door({ space: letOn, waiting: MAX_WAITING }))).toBe('speaker')
})

test('a connection raises no hand: whose is down, as it may be again by now, is refused, unless he is invited', () => {
  const down = { hands: handsOf('somebodyelse') }
  expect(() => admit(listener, door(down))).toThrow(expect.objectContaining({ status: 409, code: 'no_hand' }))
  expect(admit(listener, door({ ...down, invited: true }))).toBe('listener')
  const closed = { ...space, policy: 'invited' as const }
  expect(() => admit(listener, door({ ...down, space: closed }))).toThrow(
    expect.objectContaining({ status: 403, code: 'not_invited' }),
  )
})

test('who was let on by the api a moment before a host took him off is refused', () => {
  expect(() => admit({ ...ana, role: 'speaker' }, door())).toThrow(
    expect.objectContaining({ status: 403, code: 'forbidden' }),
  )
})
