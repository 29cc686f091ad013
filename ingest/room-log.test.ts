import { expect, test } from 'vitest'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { inboxKey, roomKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { FIRST } from '@odeon/common/ports.ts'
import type { RoomState } from '@odeon/common/room.ts'
import { RoomLog } from './room-log.ts'

const id = 'roomlog00'
const bytes = (text: string) => new TextEncoder().encode(text)

test('what was removed is deleted from the states of before and from the inbox, once the state without it is there', async () => {
  const memory = openMemoryLog()
  let away = false
  const refused = Promise.withResolvers<void>()
  const append: typeof memory.append = (...args) => {
    if (!away) return memory.append(...args)
    refused.resolve()
    return Promise.reject(new Error('away'))
  }
  const state: RoomState = {
    changes: 0,
    inbox: FIRST,
    members: [],
    talking: [],
    hands: [],
    sample: [],
    posts: [],
  }
  const log = { ...memory, append, read: memory.read.bind(memory), trim: memory.trim.bind(memory) }
  const room = new RoomLog({ log, id, logger: createLogger('silent'), state: () => state }, 1)
  const there = async (key: string) =>
    (await memory.read(key, FIRST)).map(({ body }) => new TextDecoder().decode(body))
  const written = async (count: number): Promise<void> => {
    while ((await memory.newest(roomKey(id)))?.id.minor !== count) await new Promise(setImmediate)
  }
  await memory.add(inboxKey(id), bytes('secret'))
  const by = { id: 'ben00000', name: 'Ben' }
  state.posts = [{ id: 'post0000000000000001', by, role: 'listener', text: 'secret', frame: 3 }]
  room.changed()
  await written(1)
  state.posts = []
  state.inbox = await memory.add(inboxKey(id), bytes('unpost'))
  await memory.add(inboxKey(id), bytes('next'))
  away = true
  room.removed()
  await refused.promise
  expect((await there(roomKey(id))).join()).toContain('secret')
  away = false
  await written(3)
  await room.close(false)
  expect(await there(roomKey(id))).toEqual([JSON.stringify(state)])
  expect(await there(inboxKey(id))).toEqual(['unpost', 'next'])
  await memory.close()
})
