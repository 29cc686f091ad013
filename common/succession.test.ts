import { expect, test } from 'vitest'
import { ROOM_TIMES } from './room.ts'
import { newSpace, type Space } from './space.ts'
import { giveBack, standIn } from './succession.ts'

const space = (): Space => ({
  ...newSpace({ id: 'testspace', title: 'A talk', host: { id: 'hanahana', name: 'Hana' }, createdAt: 0 }),
  speakers: {
    hanahana: { name: 'Hana', role: 'host' },
    speaker1: { name: 'Sam', role: 'speaker', muted: 'locked' },
    cohost01: { name: 'Coco', role: 'cohost' },
  },
})
const roles = ({ speakers }: Space) =>
  Object.fromEntries(Object.entries(speakers).map(([id, { role }]) => [id, role]))

test('a co-host takes the place of a host who vanished, before any speaker who has stood there longer', () => {
  const after = standIn(space(), ['speaker1', 'cohost01'], 1000)
  expect(after.host).toEqual({ id: 'cohost01', name: 'Coco' })
  expect(roles(after)).toEqual({ hanahana: 'cohost', speaker1: 'speaker', cohost01: 'host' })
})

test('without a co-host it is the speaker who has stood there longest, who may then unmute himself; without anybody, nobody', () => {
  const after = standIn(space(), ['speaker1'], 1000)
  expect(after.host.id).toBe('speaker1')
  expect(after.speakers['speaker1']!.muted).toBe('self')
  const before = space()
  expect(standIn(before, ['hanahana', 'stranger'], 1000)).toBe(before)
})

test('he gets it back when he returns in time, and all is as it was; too late, he is a co-host', () => {
  const after = standIn(space(), ['cohost01'], 1000)
  expect(roles(giveBack(after, 1000 + ROOM_TIMES.hostReturnMs))).toEqual(roles(space()))
  const late = giveBack(after, 1001 + ROOM_TIMES.hostReturnMs)
  expect(late.host.id).toBe('cohost01')
  expect(late.vanished).toBeUndefined()
  const back = giveBack(after, 2000)
  expect(giveBack(back, 3000)).toBe(back)
})

test('when the stand-in vanishes too, the next one stands in, and it is still the first host who gets it back', () => {
  const twice = standIn(standIn(space(), ['cohost01'], 1000), ['speaker1'], 2000)
  expect(roles(twice)).toEqual({ hanahana: 'cohost', speaker1: 'host', cohost01: 'cohost' })
  expect(twice.vanished).toMatchObject({ id: 'hanahana', at: 1000 })
  const back = giveBack(twice, 3000)
  expect(back.host.id).toBe('hanahana')
  expect(roles(back)).toEqual(roles(space()))
})
