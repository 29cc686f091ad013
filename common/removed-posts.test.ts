import { expect, test } from 'vitest'
import { box, concat } from './boxes.ts'
import { decodeEmsg, encodeEmsg } from './emsg.ts'
import type { TimedEvent } from './events.ts'
import { findBox, walkBoxes } from './boxes.ts'
import { holdsPosts, postsIn, withoutPosts } from './removed-posts.ts'

const id = (n: number): string => `post${String(n).padStart(16, '0')}`
const post = (n: number, text = `text ${n}`) => ({
  id: id(n),
  by: { id: 'ana00000', name: 'Ana' },
  role: 'listener' as const,
  text,
})
const posted = (n: number, text?: string): TimedEvent => ({ type: 'post', ...post(n, text), frame: 5 })
const pinned = (n: number): TimedEvent => ({ type: 'pin', post: { ...post(n), frame: 5 }, frame: 7 })
const talking: TimedEvent = { type: 'talking', ids: ['ana00000'], frame: 6 }

/** A chunk as it goes to the listener; its sound is not looked at. */
const chunk = (...events: TimedEvent[]): Uint8Array =>
  concat(
    encodeEmsg({ presentationTime: 0, duration: 5120, id: 1, events: { v: 1, startedAt: 9, events } }),
    box('moof', Uint8Array.of(1)),
    box('mdat', Uint8Array.of(1, 2, 3)),
  )
const eventsOf = (bytes: Uint8Array) =>
  [...walkBoxes(bytes)].flatMap(({ type, body }) => (type === 'emsg' ? decodeEmsg(body)!.events.events : []))

test('a removed post is gone, all else is where it was, and not a byte is more or less', () => {
  const before = concat(chunk(posted(1, 'Größe 🎉 "quoted" \\ '), talking), chunk(posted(2)), chunk(talking))
  const after = withoutPosts(before, new Set([id(1)]))!
  expect(after.length).toBe(before.length)
  expect(eventsOf(after)).toEqual([talking, posted(2), talking])
  expect(Buffer.from(after).includes('Größe')).toBe(false)
  expect([...walkBoxes(after)].map(({ type, start }) => [type, start])).toEqual(
    [...walkBoxes(before)].map(({ type, start }) => [type, start]),
  )
  expect(findBox(after, 'mdat').body).toEqual(findBox(before, 'mdat').body)
})

test('where it was pinned, nothing is', () => {
  const after = withoutPosts(chunk(pinned(1), pinned(2)), new Set([id(1)]))!
  expect(eventsOf(after)).toEqual([{ type: 'pin', post: null, frame: 7 }, pinned(2)])
})

test('once more, or without that post, nothing is changed', () => {
  const ids = new Set([id(1)])
  expect(withoutPosts(chunk(posted(2), talking), ids)).toBeUndefined()
  expect(withoutPosts(withoutPosts(chunk(posted(1), posted(2)), ids)!, ids)).toBeUndefined()
  expect(withoutPosts(chunk({ type: 'unpost', id: id(1), frame: 8 }), ids)).toBeUndefined()
})

test('one after the other leaves what both at once leave', () => {
  const before = chunk(posted(1), posted(2), posted(3))
  const one = withoutPosts(before, new Set([id(1)]))!
  expect(withoutPosts(one, new Set([id(3)]))).toEqual(withoutPosts(before, new Set([id(1), id(3)])))
})

test('a stretch of sound tells whose text is in it and what it takes away', () => {
  const bytes = concat(chunk(posted(1), pinned(2)), chunk({ type: 'unpost', id: id(3), frame: 8 }))
  expect(postsIn(bytes)).toEqual({ posts: [id(1), id(2)], removed: [id(3)] })
  expect(postsIn(chunk(talking, { type: 'pin', post: null, frame: 1 }))).toEqual({ posts: [], removed: [] })
  expect(holdsPosts(bytes)).toBe(true)
  expect(holdsPosts(chunk(talking, { type: 'unpost', id: id(3), frame: 8 }))).toBe(false)
  expect(holdsPosts(withoutPosts(chunk(posted(1)), new Set([id(1)]))!)).toBe(false)
})
