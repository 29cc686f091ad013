import { describe, expect, test } from 'vitest'
import type { TimedEvent } from '@odeon/common/events.ts'
import { EventsByChunk } from './events-by-chunk.ts'
import { EventReducer } from './reduce-events.ts'
import { stage } from './testing/space-log.ts'

test('an event belongs to the chunk that holds the first sample of its frame', () => {
  const events = new EventsByChunk()
  for (const frame of [0, 5, 6, 10, 11, 96]) events.add(frame, [{ type: 'talking', ids: [] }])
  const taken = (chunk: number) => events.take(chunk * 5120).map(({ frame }) => frame)
  expect(taken(0)).toEqual([0, 5]) // Frame 5 begins at sample 4 800, frame 6 at 5 760.
  expect(taken(1)).toEqual([6, 10])
  expect(taken(2)).toEqual([11])
  expect(taken(17)).toEqual([])
  expect(taken(18)).toEqual([96]) // The first frame of segment 1 is in its first chunk.
})

test('events before the first chunk that is taken are forgotten', () => {
  const events = new EventsByChunk()
  events.add(1, [stage('Old')])
  events.add(30, [stage('New')])
  expect(events.take(5 * 5120).map(({ frame }) => frame)).toEqual([30])
})

test('a replay keeps a change of somebody’s face', () => {
  const seen = (face: string, frame: number): TimedEvent => ({
    type: 'stage',
    title: 'One',
    talking: [],
    members: [{ id: 'ana00000', name: 'Ana', role: 'host', muted: 'no', connected: true, face }],
    frame,
  })
  const given = [seen('face23456789', 0), seen('face23456789', 48), seen('otherface234', 60)]
  const reducer = new EventReducer()
  for (const event of given) reducer.add(event)
  expect(reducer.events).toEqual([given[0], given[2]])
})

test('a replay keeps changes of the stage and of who talks, and nothing else', () => {
  const given: TimedEvent[] = [
    { ...stage('One'), frame: 0 },
    { ...stage('One'), frame: 48 },
    { type: 'talking', ids: ['ana00000', 'ben00000'], frame: 50 },
    { type: 'levels', levels: { ana00000: 200 }, frame: 55 },
    { ...stage('One', ['ben00000', 'ana00000']), frame: 96 },
    { type: 'talking', ids: ['ben00000', 'ana00000'], frame: 97 },
    { ...stage('One', ['ana00000']), frame: 144 },
    { ...stage('Two', ['ana00000']), frame: 150 },
    { type: 'talking', ids: [], frame: 160 },
  ]
  const reducer = new EventReducer()
  for (const event of given) reducer.add(event)
  expect(reducer.events).toEqual([
    given[0],
    given[2],
    { type: 'talking', ids: ['ana00000'], frame: 144 },
    given[7],
    given[8],
  ])
})

describe('what people do besides talking, in a replay', () => {
  const by = { id: 'ana00000', name: 'Ana' }
  const post = (n: number) => ({
    id: `post${String(n).padStart(16, '0')}`,
    by,
    role: 'speaker' as const,
    text: `${n}`,
  })
  const posted = (n: number, frame: number): TimedEvent => ({ type: 'post', ...post(n), frame })
  const pinned = (n: number, frame: number): TimedEvent => ({
    type: 'pin',
    post: { ...post(n), frame: 1 },
    frame,
  })
  const unpinned = (frame: number): TimedEvent => ({ type: 'pin', post: null, frame })
  const reduced = (...events: TimedEvent[]): TimedEvent[] => {
    const reducer = new EventReducer()
    for (const event of events) reducer.add(event)
    return reducer.events
  }

  test('a post that a failover wrote twice is in it once; the pin where it changes', () => {
    expect(
      reduced(posted(1, 3), posted(2, 5), posted(1, 9), pinned(1, 10), pinned(1, 96), unpinned(100)),
    ).toEqual([posted(1, 3), posted(2, 5), pinned(1, 10), unpinned(100)])
  })

  test('of a removed post nothing is left, nor where it was pinned, nor if it comes once more', () => {
    const events = reduced(
      posted(1, 3),
      posted(2, 4),
      pinned(1, 5),
      { type: 'unpost', id: post(1).id, frame: 8 },
      posted(1, 9),
    )
    expect(events).toEqual([posted(2, 4), unpinned(5), unpinned(8)])
    expect(JSON.stringify(events)).not.toContain(post(1).id)
  })

  test('reactions are summed up for half a second', () => {
    const reactions = (frame: number, counts: Record<string, number>): TimedEvent => ({
      type: 'reactions',
      counts,
      frame,
    })
    expect(
      reduced(reactions(10, { '👏': 3 }), reactions(15, { '👏': 4, '🔥': 1 }), reactions(35, { '🎉': 1 })),
    ).toEqual([reactions(10, { '👏': 7, '🔥': 1 }), reactions(35, { '🎉': 1 })])
  })

  test('an invitation is nobody’s talk', () => {
    expect(reduced({ type: 'invited', ids: ['ben00000'], frame: 3 })).toEqual([])
  })
})
