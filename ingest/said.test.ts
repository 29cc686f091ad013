import { expect, test } from 'vitest'
import type { SpaceEvent } from '@odeon/common/events.ts'
import { KEPT_POSTS, type Post } from '@odeon/common/posts.ts'
import { SaidThings } from './said.ts'

const ana = { id: 'anaanaanaana', name: 'Ana' }
const post = (n: number): Post => ({
  id: `post${String(n).padStart(16, '0')}`,
  by: ana,
  role: 'listener',
  text: `Number ${n}`,
})
const said = (n: number) => ({ type: 'post' as const, ...post(n) })
const unpost = (n: number, by: string, any = false) => ({
  type: 'unpost' as const,
  id: post(n).id,
  by,
  any,
})
const pin = (n: number) => ({ type: 'pin' as const, id: post(n).id })

/** What is in a frame, which is in the middle of a segment unless told. */
const stamped = (things: SaidThings, frame: number, at = { segment: false, hole: false }): SpaceEvent[] => {
  const events: SpaceEvent[] = []
  things.stamp(frame, events, at)
  return events
}

test('a post is in the next frame, one in each, and once however often it was sent', () => {
  const things = new SaidThings()
  for (const n of [1, 1, 2]) things.take(said(n))
  expect(stamped(things, 10)).toEqual([said(1)])
  expect(stamped(things, 11)).toEqual([said(2)])
  things.take(said(1))
  expect(stamped(things, 12)).toEqual([])
  expect(things.state().posts).toEqual([
    { ...post(1), frame: 10 },
    { ...post(2), frame: 11 },
  ])
})

test('the last posts are kept, and those known that were removed: sent again, they stay away', () => {
  const things = new SaidThings()
  for (let n = 0; n < KEPT_POSTS + 5; n++) {
    things.take(said(n))
    stamped(things, n)
  }
  expect(things.state().posts?.map(({ frame }) => frame)).toEqual(
    Array.from({ length: KEPT_POSTS }, (_, n) => n + 5),
  )
  things.take(unpost(20, ana.id))
  expect(stamped(things, 100)).toEqual([{ type: 'unpost', id: post(20).id }])
  things.take(said(20))
  expect(stamped(things, 101)).toEqual([])
  expect(things.state().posts).toHaveLength(KEPT_POSTS - 1)
})

test('one removes his own, a host anybody’s', () => {
  const things = new SaidThings()
  things.take(said(1))
  things.take(unpost(1, 'benbenbenben'))
  expect(stamped(things, 1)).toEqual([said(1)])
  expect(stamped(things, 2)).toEqual([])
  things.take(unpost(1, 'benbenbenben', true))
  expect(stamped(things, 3)).toEqual([{ type: 'unpost', id: post(1).id }])
})

test('one post is pinned, told at once, with every segment and after a hole, until it is taken off or removed', () => {
  const things = new SaidThings()
  for (const thing of [said(1), said(2), pin(1), pin(2)]) things.take(thing)
  for (const frame of [1, 2, 3]) stamped(things, frame)
  const placed = { ...post(2), frame: 2 }
  expect(stamped(things, 4)).toEqual([{ type: 'pin', post: placed }])
  expect(stamped(things, 5)).toEqual([])
  expect(stamped(things, 96, { segment: true, hole: false })).toEqual([{ type: 'pin', post: placed }])
  expect(stamped(things, 99, { segment: false, hole: true })).toEqual([{ type: 'pin', post: placed }])
  things.take(unpost(2, ana.id))
  expect(stamped(things, 100)).toEqual([{ type: 'unpost', id: placed.id }])
  expect(things.state().pin).toBeNull()
  expect(stamped(things, 192, { segment: true, hole: false })).toEqual([])
  expect(stamped(things, 200, { segment: false, hole: true })).toEqual([{ type: 'pin', post: null }])
  things.take(pin(2)) // It is gone.
  expect(stamped(things, 201)).toEqual([])
})

test('the next mixer goes on with the same posts and pin, and knows what is sent to it once more', () => {
  const before = new SaidThings()
  for (const thing of [said(1), said(2), pin(1)]) before.take(thing)
  for (const frame of [1, 2, 3]) stamped(before, frame)
  const things = new SaidThings()
  things.restore(before.state())
  things.take(said(2))
  expect(stamped(things, 50, { segment: false, hole: true })).toEqual([
    { type: 'pin', post: { ...post(1), frame: 1 } },
  ])
  expect(things.state().posts).toEqual(before.state().posts)
})

test('reactions are one event in 100 ms, however many come, and lose none', () => {
  const things = new SaidThings()
  let events = 0
  let sum = 0
  for (let frame = 0; frame < 50; frame++) {
    for (let n = 0; n < 200; n++) things.react({ '👏': 1 })
    for (const event of stamped(things, frame)) {
      events++
      if (event.type === 'reactions') sum += event.counts['👏']!
    }
  }
  expect(events).toBe(10)
  for (const event of stamped(things, 50)) if (event.type === 'reactions') sum += event.counts['👏']!
  expect(sum).toBe(50 * 200)
  expect(things.counted().reactions).toBe(50 * 200)
})

test('posts that find no place are counted, and what a host does still finds one', () => {
  const things = new SaidThings()
  for (let n = 0; n < 150; n++) things.take(said(n))
  things.take(pin(0))
  const events = Array.from({ length: 120 }, (_, frame) => stamped(things, frame)).flat()
  expect(events.filter(({ type }) => type === 'post')).toHaveLength(100)
  expect(things.counted()).toEqual({ posts: 100, dropped: 50, reactions: 0 })
})
