import { expect, test } from 'vitest'
import { parseChunkEvents } from './chunk-events.ts'

const talking = { type: 'talking', ids: ['anaanaana'], frame: 12 }
const chunk = (fields: object): string =>
  JSON.stringify({ v: 1, startedAt: 1_700_000_000_000, events: [talking], ...fields })

test('events of a kind that we do not know are left out, so that an old page lives with a new server', () => {
  const text = chunk({
    events: [{ type: 'reaction', emoji: '👏', frame: 11 }, talking, { type: 'talking' }, 7],
  })
  expect(parseChunkEvents(text)).toEqual({ v: 1, startedAt: 1_700_000_000_000, events: [talking] })
})

test('what is not ours is nothing: garbage, another version, more events than a chunk can hold', () => {
  expect(parseChunkEvents('{"v":1')).toBeUndefined()
  expect(parseChunkEvents('null')).toBeUndefined()
  expect(parseChunkEvents(chunk({ v: 2 }))).toBeUndefined()
  expect(parseChunkEvents(chunk({ events: Array(201).fill(talking) }))).toBeUndefined()
  expect(parseChunkEvents(chunk({ startedAt: 'yesterday' }))).toBeUndefined()
})
