import { MAX_WAITING, MAX_HANDS } from '@odeon/common/room.ts'
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
const door = (over: Partial<Door> = {}): Door => ({
  space,
  stage: new Stage('A talk'),
  hands: new Hands({ lifeMs: 45_000 }),
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

test('a full queue takes no further hand by a connection either, but keeps those in it, and those who are invited', () => {
  const hands = new Hands({ lifeMs: 45_000 })
  for (let n = 0; n < MAX_HANDS; n++) hands.raise(`listener${n}`, 'Guest', 0)
  expect(() => admit(listener, door({ hands }))).toThrow(expect.objectContaining({ code: 'hands_full' }))
  expect(admit({ ...listener, id: 'listener7' }, door({ hands }))).toBe('listener')
  expect(admit(listener, door({ hands, invited: true }))).toBe('listener')
})

test('who was let on by the api a moment before a host took him off is refused', () => {
  expect(() => admit({ ...ana, role: 'speaker' }, door())).toThrow(
    expect.objectContaining({ status: 403, code: 'forbidden' }),
  )
})
