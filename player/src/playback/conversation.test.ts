import type { TimedEvent } from '@odeon/common/events.ts'
import type { PlacedPost } from '@odeon/common/posts.ts'
import { expect, test } from 'vitest'
import { Conversation } from './conversation.ts'

const startedAt = 1_000_000
const at = (frame: number): number => startedAt + frame * 20
const post = (n: number, frame: number): PlacedPost => ({
  id: String(n).padStart(20, '0'),
  by: { id: 'u'.repeat(12), name: 'Ana' },
  role: 'speaker',
  text: `post ${n}`,
  frame,
})
const written = (n: number, frame: number): TimedEvent => ({ type: 'post', ...post(n, frame) })
const texts = (conversation: Conversation, frame: number): string[] =>
  conversation.at(at(frame)).posts.map(({ text }) => text)

test('a post is there from its frame on, and not there again after going back', () => {
  const conversation = new Conversation()
  conversation.add({ startedAt, events: [written(1, 10), written(2, 20)] })
  expect(texts(conversation, 9)).toEqual([])
  expect(texts(conversation, 10)).toEqual(['post 1'])
  expect(texts(conversation, 20)).toEqual(['post 1', 'post 2'])
  expect(texts(conversation, 12)).toEqual(['post 1'])
})

test('what comes twice, or was told to a late joiner, is there once and in order', () => {
  const conversation = new Conversation()
  conversation.add({ startedAt, events: [written(3, 30)] })
  conversation.recall(startedAt, [post(1, 10), post(2, 20), post(3, 30)])
  conversation.add({ startedAt, events: [written(3, 30), written(2, 20)] })
  expect(texts(conversation, 30)).toEqual(['post 1', 'post 2', 'post 3'])
})

test('what is taken away is gone at once, pinned or not yet heard, and does not come back', () => {
  const conversation = new Conversation()
  const removed = post(1, 10)
  conversation.add({ startedAt, events: [written(1, 10), { type: 'pin', frame: 11, post: removed }] })
  expect(conversation.at(at(11)).pinned).toEqual(removed)
  conversation.add({ startedAt, events: [{ type: 'unpost', frame: 50, id: removed.id }] })
  expect(conversation.at(at(12))).toEqual({ posts: [], pinned: null })
  conversation.recall(startedAt, [removed])
  expect(texts(conversation, 60)).toEqual([])
})

test('the pin is the one of the moment', () => {
  const conversation = new Conversation()
  conversation.add({
    startedAt,
    events: [
      { type: 'pin', frame: 10, post: post(1, 1) },
      { type: 'pin', frame: 20, post: post(2, 2) },
      { type: 'pin', frame: 30, post: null },
    ],
  })
  const pinned = (frame: number): string | undefined => conversation.at(at(frame)).pinned?.text
  expect([9, 10, 25, 30].map(pinned)).toEqual([undefined, 'post 1', 'post 2', undefined])
})

test('reactions are told once, when their frame is heard, summed up', () => {
  const conversation = new Conversation()
  conversation.add({
    startedAt,
    events: [
      { type: 'reactions', frame: 10, counts: { '👏': 3 } },
      { type: 'reactions', frame: 15, counts: { '👏': 2, '🔥': 1 } },
      { type: 'reactions', frame: 15, counts: { '👏': 2, '🔥': 1 } }, // Read twice.
    ],
  })
  expect(conversation.reactions(at(0), at(9))).toBeUndefined()
  expect(conversation.reactions(at(9), at(15))).toEqual({ '👏': 5, '🔥': 1 })
  expect(conversation.reactions(at(10), at(15))).toEqual({ '👏': 2, '🔥': 1 })
  expect(conversation.reactions(at(15), at(99))).toBeUndefined()
})

test('the same moment is the same object, and the oldest goes when there are too many', () => {
  const conversation = new Conversation({ capacity: 3 })
  for (let n = 1; n <= 5; n++) conversation.add({ startedAt, events: [written(n, n)] })
  expect(texts(conversation, 9)).toEqual(['post 3', 'post 4', 'post 5'])
  expect(conversation.at(at(9))).toBe(conversation.at(at(8)))
})
