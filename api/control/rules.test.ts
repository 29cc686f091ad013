import { describe, expect, test } from 'vitest'
import { MAX_ACTED, MAX_LINKS } from '@odeon/common/room.ts'
import { newSpace, roleIn, type Link, type Space } from '@odeon/common/space.ts'
import { act, actInOrder, addLink, enter, revokeLink } from './rules.ts'

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

test('there are as many co-hosts as the space allows, two unless told; one who is none any more makes room', () => {
  const ids = ['annaanna', 'berndbernd', 'carlacarla']
  const space = ids.reduce((all, id) => enter(all, CODE, { user: { id, name: id }, now: 0 }), withLink())
  const make = (before: Space, n: number) => act(before, { do: 'cohost.make', who: ids[n]! }, asHost)
  const two = make(make(space, 0), 1)
  expect(() => make(two, 2)).toThrow('2 co-hosts of 2')
  expect(make(two, 0)).toBe(two)
  expect(roleIn(make({ ...two, cohosts: 3 }, 2), ids[2]!)).toBe('cohost')
  const fewer = { ...two, cohosts: 1 } // Nobody is demoted by it.
  expect(roleIn(fewer, ids[1]!)).toBe('cohost')
  const one = act(two, { do: 'cohost.unmake', who: ids[0]! }, asHost)
  expect(roleIn(make(one, 2), ids[2]!)).toBe('cohost')
  expect(() => make({ ...space, cohosts: 0 }, 0)).toThrow('0 co-hosts of 0')
})

describe('a numbered message', () => {
  const mute = { do: 'mute.other', who: ana.id } as const
  const unmute = { do: 'unmute.other', who: ana.id } as const
  const told = (space: Space, n: number, action: typeof mute | typeof unmute) =>
    actInOrder(space, n, asHost, (now) => act(now, action, asHost))
  const muted = (space: Space) => space.speakers[ana.id]!.muted

  test('that comes again, or after a later one, by whichever node, changes nothing', () => {
    const first = told(enter(withLink(), CODE, as(ana)), 10, mute)
    const second = told(first, 11, unmute)
    expect([muted(first), muted(second)]).toEqual(['host', 'no'])
    expect(told(second, 11, unmute)).toBe(second)
    expect(() => told(second, 10, mute)).toThrow('it was not done')
    expect(muted(told(second, 12, mute))).toBe('host')
  })

  test('counts for whoever sent it, unless it was refused; of those the newest are kept', () => {
    const space = enter(withLink(), CODE, as(ana))
    expect(() => actInOrder(space, 5, as(ana), (now) => act(now, mute, as(ana)))).toThrow('may not')
    expect(space.acted).toEqual({})
    expect(actInOrder(space, 5, asHost, (now) => now).acted).toEqual({ [hana.id]: 5 })
    let many: Space = space
    for (let n = 0; n < MAX_ACTED + 5; n++)
      many = actInOrder(many, n, { user: { id: `someone${n}`, name: 'X' }, now: 0 }, (now) => ({ ...now }))
    expect(Object.keys(many.acted)).toHaveLength(MAX_ACTED)
    expect(many.acted).toMatchObject({ [`someone${MAX_ACTED + 4}`]: MAX_ACTED + 4 })
    expect(many.acted).not.toHaveProperty('someone0')
  })
})

test('an invitation is good for two minutes, and no after a while is still no', () => {
  const space = act(withLink(), { do: 'stage.invite', who: ana.id, name: 'Ana' }, asHost)
  const answer = (yes: boolean, now: number) => act(space, { do: 'stage.answer', yes }, { user: ana, now })
  expect(roleIn(answer(true, 2000), ana.id)).toBe('speaker')
  expect(answer(false, 2000).invited).toEqual({})
  expect(() => answer(true, 200_000)).toThrow('Nobody asks you')
  expect(roleIn(answer(false, 200_000), ana.id)).toBe('listener')
})
