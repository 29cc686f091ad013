import { roomKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'
import { afterEach, expect, test } from 'vitest'
import { openStudio, SPACE, textOf, type Studio } from './harness.ts'

let studio: Studio
afterEach(() => studio.close())

const ANA = { id: 'anaanaana', name: 'Ana' }
const tell = (minor: number, body: string) =>
  studio.log.append(roomKey(SPACE), { major: 1, minor }, new TextEncoder().encode(body))
const audience = async (): Promise<unknown> =>
  JSON.parse(textOf(await studio.get(`/live/${SPACE}/audience.json`)))

test('with the number of listeners come a few names, read once in two seconds however many ask', async () => {
  const clock = { now: 1_000_000 }
  let reads = 0
  const counting = (log: Log): Log => ({
    ...log,
    newest(key) {
      if (key === roomKey(SPACE)) reads++
      return log.newest(key)
    },
  })
  studio = await openStudio({ now: () => clock.now, wrapLog: counting })
  await studio.say(1)
  expect(await audience()).toEqual({ listeners: 0, sample: [] })
  await tell(1, JSON.stringify({ sample: [ANA], hands: 'not read here' }))
  expect(await audience()).toEqual({ listeners: 0, sample: [] })
  clock.now += 2000
  await Promise.all(Array.from({ length: 50 }, audience))
  expect(await audience()).toEqual({ listeners: 0, sample: [ANA] })
  expect(reads).toBe(2)
})

test('a room that can not be read, or not in time, costs the names and not the number', async () => {
  let reads = 0
  const slow = (log: Log): Log => ({
    ...log,
    newest: (key) => (key === roomKey(SPACE) && reads++ > 0 ? new Promise(() => {}) : log.newest(key)),
  })
  const clock = { now: 1_000_000 }
  studio = await openStudio({ now: () => clock.now, wrapLog: slow })
  await studio.say(1)
  await tell(1, '{"sample":')
  expect(await audience()).toEqual({ listeners: 0, sample: [] })
  clock.now += 2000
  expect(await audience()).toEqual({ listeners: 0, sample: [] })
})
