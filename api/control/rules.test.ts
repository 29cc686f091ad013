import { describe, expect, test } from 'vitest'
import { MAX_LINKS } from '@odeon/common/room.ts'
import { newSpace, roleIn, type Link, type Space } from '@odeon/common/space.ts'
import { act, addLink, enter, revokeLink } from './rules.ts'

const hana = { id: 'hanahana', name: 'Hana' }
const ana = { id: 'anaanaana', name: 'Ana' }
const ben = { id: 'benbenben', name: 'Ben' }
const CODE = 'x'.repeat(24)
const link = (over: Partial<Link> = {}): Link => ({
  role: 'speaker',
  by: hana.id,
  createdAt: 0,
  uses: 0,
  ...over,
})
const withLink = (over: Partial<Link> = {}): Space =>
  addLink(newSpace({ id: 'testspace', title: 'A talk', host: hana, createdAt: 0 }), CODE, link(over), 0)
const asHost = { user: hana, now: 1000 }
const as = (user: typeof ana) => ({ user, now: 1000 })

describe('a link', () => {
  test('is good for so many people and so long; who came by it may come again', () => {
    const one = enter(withLink({ maxUses: 1 }), CODE, as(ana))
    expect(roleIn(one, ana.id)).toBe('speaker')
    expect(enter(one, CODE, as(ana)).links[CODE]!.uses).toBe(1)
    expect(() => enter(one, CODE, as(ben))).toThrow('as often as it may')
    expect(() => enter(withLink({ expiresAt: 1000 }), CODE, as(ben))).toThrow('expired')
  })

  test('for listeners lets nobody onto the stage', () => {
    const space = enter(withLink({ role: 'listener' }), CODE, as(ana))
    expect(roleIn(space, ana.id)).toBe('listener')
    expect(space.links[CODE]!.uses).toBe(1)
  })

  test('that is revoked takes those off the stage who came by it, and may ban them', () => {
    const both = enter(enter(withLink(), CODE, as(ana)), CODE, as(ben))
    const moved = revokeLink(both, CODE, false, 1000)
    expect(Object.keys(moved.speakers)).toEqual([hana.id])
    expect(() => enter(moved, CODE, as(ana))).toThrow('not valid')
    const banned = act(both, { do: 'ban', who: ana.id, link: true }, asHost)
    expect(Object.keys(banned.speakers)).toEqual([hana.id])
    expect(banned.out).toMatchObject({ [ana.id]: { kind: 'banned' }, [ben.id]: { kind: 'banned' } })
  })

  test('that is dead makes room for a new one; of good ones there is a bound', () => {
    let space = withLink({ revokedAt: 1 })
    for (let n = 0; n < MAX_LINKS; n++) space = addLink(space, `code${n}`, link(), 1000)
    expect(space.links).not.toHaveProperty(CODE)
    expect(() => addLink(space, 'onemore', link(), 1000)).toThrow('Revoke one first')
  })
})

test('who was moved may come back by his link; who was removed only when a host lets him', () => {
  const space = enter(withLink(), CODE, as(ana))
  const moved = act(space, { do: 'stage.move', who: ana.id }, asHost)
  expect(roleIn(enter(moved, CODE, as(ana)), ana.id)).toBe('speaker')
  const removed = act(space, { do: 'stage.remove', who: ana.id }, asHost)
  expect(() => enter(removed, CODE, as(ana))).toThrow('took you off')
  expect(() => enter({ ...removed, policy: 'everyone' }, undefined, as(ana))).toThrow('took you off')
  expect(roleIn(act(removed, { do: 'hand.accept', who: ana.id }, asHost), ana.id)).toBe('speaker')
})

test('a locked mute is a host’s to open; a microphone that its owner closed stays closed', () => {
  const space = enter(withLink(), CODE, as(ana))
  const muted = (after: Space) => after.speakers[ana.id]!.muted
  const locked = act(space, { do: 'mute.all', lock: true }, asHost)
  expect(muted(locked)).toBe('locked')
  expect(locked.speakers[hana.id]!.muted).toBeUndefined()
  expect(() => act(locked, { do: 'unmute.self' }, as(ana))).toThrow('lets you speak again himself')
  expect(muted(act(locked, { do: 'unmute.other', who: ana.id }, asHost))).toBe('host')
  const self = act(space, { do: 'mute.self' }, as(ana))
  expect(muted(act(self, { do: 'unmute.other', who: ana.id }, asHost))).toBe('self')
})

test('a space that is handed over has a new host, and the old one is a co-host', () => {
  const after = act(enter(withLink(), CODE, as(ana)), { do: 'handover', who: ana.id }, asHost)
  expect(after.host).toEqual(ana)
  expect([roleIn(after, ana.id), roleIn(after, hana.id)]).toEqual(['host', 'cohost'])
  expect(() => act(after, { do: 'handover', who: hana.id }, asHost)).toThrow('may not')
})

test('an invitation is good for two minutes, and no after a while is still no', () => {
  const space = act(withLink(), { do: 'stage.invite', who: ana.id, name: 'Ana' }, asHost)
  const answer = (yes: boolean, now: number) => act(space, { do: 'stage.answer', yes }, { user: ana, now })
  expect(roleIn(answer(true, 2000), ana.id)).toBe('speaker')
  expect(answer(false, 2000).invited).toEqual({})
  expect(() => answer(true, 200_000)).toThrow('Nobody asks you')
  expect(roleIn(answer(false, 200_000), ana.id)).toBe('listener')
})
