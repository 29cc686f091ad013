import { afterEach, expect, test } from 'vitest'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { box, concat } from '@odeon/common/boxes.ts'
import { encodeEmsg } from '@odeon/common/emsg.ts'
import type { TimedEvent } from '@odeon/common/events.ts'
import { aacInitKey, aacSegmentKey, archiveKey } from '@odeon/common/keys.ts'
import { openStudio, SPACE, STARTED_AT, type Reply, type Studio } from './harness.ts'
import { FRESH_MS } from './replay.ts'

/** What is handed out of a post after a host removed it. */

let studio: Studio
afterEach(() => studio.close())

const id = 'post0000000000000001'
const posted: TimedEvent = {
  type: 'post',
  id,
  by: { id: 'ben00000', name: 'Ben' },
  role: 'listener',
  text: 'secret',
  frame: 3,
}
const chunk = (...events: TimedEvent[]): Uint8Array =>
  concat(
    encodeEmsg({
      presentationTime: 0,
      duration: 5120,
      id: 1,
      events: { v: 1, startedAt: STARTED_AT, events },
    }),
    box('moof', Uint8Array.of(1)),
    box('mdat', Buffer.from('sound')),
  )
const holds = ({ body }: Reply): boolean => body.includes('secret')

test('from the chunk that takes it away it is in nothing that is sent, and each answer is as long as it was', async () => {
  studio = await openStudio()
  const live = `/live/${SPACE}/aac`
  await studio.say(18)
  await studio.get(`${live}/index.m3u8`)
  await studio.sayBytes(chunk(posted))
  await studio.say(2)
  const part = await studio.get(`${live}/1.0.m4s`)
  expect(holds(part)).toBe(true)
  const early = await studio.open(`${live}/1.m4s`)
  await early.until('secret')
  await studio.sayBytes(chunk({ type: 'unpost', id, frame: 20 }))
  const later = await studio.get(`${live}/1.0.m4s`)
  expect(holds(later)).toBe(false)
  expect(later.body.length).toBe(part.body.length)
  const late = await studio.open(`${live}/1.m4s`)
  await studio.say(14)
  const [before, after] = await Promise.all([early.end, late.end])
  expect([holds(before), holds(after)]).toEqual([true, false])
  expect([before.whole, after.whole]).toEqual([true, true])
  expect(after.body.length).toBe(before.body.length)
  expect((await studio.get(`${live}/1.m4s`)).body).toEqual(after.body)
  expect(await studio.metric('odeon_origin_damaged_entries_total')).toBe(0)
})

test('caches keep a stored segment for ever, and one in which somebody’s text is for an hour', async () => {
  studio = await openStudio()
  await studio.objects.put(aacSegmentKey(SPACE, 0), chunk(posted), 'audio/mp4')
  await studio.objects.put(aacSegmentKey(SPACE, 1), chunk(), 'audio/mp4')
  const cacheOf = async (msn: number) =>
    (await studio.get(`/replay/${SPACE}/aac/${msn}.m4s`)).headers['cache-control']
  expect(await cacheOf(0)).toBe('public, max-age=3600')
  expect(await cacheOf(1)).toBe('public, max-age=31536000, immutable')
})

test('an archive that was written anew is seen within seconds; a store that is away leaves what was', async () => {
  let now = STARTED_AT
  let away = false
  studio = await openStudio({
    now: () => now,
    wrapObjects: (objects) => ({
      ...objects,
      get: (...args) => (away ? Promise.reject(new Error('away')) : objects.get(...args)),
    }),
  })
  const store = (events: TimedEvent[]) =>
    studio.objects.put(
      archiveKey(SPACE),
      Buffer.from(
        JSON.stringify({
          v: 1,
          id: SPACE,
          startedAt: STARTED_AT,
          durationMs: 1920,
          segments: [{ msn: 0, frames: 90, bytes: 10 }],
          events,
        }),
      ),
      'application/json',
    )
  const read = () => studio.get(`/replay/${SPACE}/archive.json`)
  await studio.objects.put(aacInitKey(SPACE), aacInit(), 'audio/mp4')
  await store([posted])
  expect((await read()).headers['cache-control']).toBe('public, max-age=10')
  now += FRESH_MS
  expect(holds(await read())).toBe(true)
  await store([])
  expect(holds(await read())).toBe(true)
  away = true
  now += FRESH_MS
  expect([(await read()).status, holds(await read())]).toEqual([200, true])
  away = false
  now += FRESH_MS
  expect(holds(await read())).toBe(false)
})
