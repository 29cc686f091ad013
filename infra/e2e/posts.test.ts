import { afterAll, beforeAll, expect, test } from 'vitest'
import { Archive } from '@odeon/common/archive.ts'
import type { TimedEvent } from '@odeon/common/events.ts'
import type { PlacedPost, Post } from '@odeon/common/posts.ts'
import { RENDITIONS } from '@odeon/common/rendition.ts'
import { frameAt, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { openStage } from '@odeon/api/control/stage-client.ts'
import { call, newGuest, openSpace, type Guest } from './client.ts'
import { openEventEar, type EventEar } from './event-ear.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'

/** What people do besides talking, by a whole Odeon: over HTTP in, inside the sound out, and again in the replay. */

let odeon: OdeonProcess
beforeAll(async () => void (odeon = await startOdeonProcess()))
afterAll(() => odeon.remove())

type Kind<T extends TimedEvent['type']> = Extract<TimedEvent, { type: T }>
const heard = <T extends TimedEvent['type']>(ear: EventEar, type: T): Kind<T>[] =>
  ear.chunks.flatMap(({ events }) => events.filter((event): event is Kind<T> => event.type === type))

interface SpaceView {
  startedAt: number
  posts: PlacedPost[]
  pin: PlacedPost | null
}

const poll = <T>(look: () => T) => expect.poll(look, { timeout: 20_000 })

test(
  'posts, a pin and reactions come in the chunk that holds their frame, in both renditions; late joiners and those on stage are shown them; the replay has them at the same frame',
  { timeout: 120_000 },
  async () => {
    const { id, host } = await openSpace(odeon.url, 'Between the lines')
    const url = `${odeon.url}/api/spaces/${id}`
    const view = async () => (await call<SpaceView>(url, 'GET')).body
    const { startedAt } = await view()
    const ears = Object.values(RENDITIONS).map(({ name }) =>
      openEventEar({ url: odeon.url, id, startedAt, rendition: name }),
    )
    const [aac] = ears as [EventEar]
    const stage = await openStage(odeon.url, id, host.token)
    const ana = await newGuest(odeon.url, 'Ana')
    const ask = <T>(who: Guest, method: string, path: string, body?: unknown) =>
      call<T>(`${url}${path}`, method, body, who.token)
    await poll(() => aac.chunks.length).toBeGreaterThan(0)

    const before = frameAt(startedAt, Date.now())
    const write = async (text: string, key: string) =>
      (await ask<Post>(ana, 'POST', '/posts', { text, key })).body
    const first = await write('See https://odeon.example <b>now</b>', 'one')
    expect(await write('See https://odeon.example <b>now</b>', 'one')).toEqual(first)
    const second = await write('Taken back', 'two')
    for (let n = 0; n < 3; n++) await ask(ana, 'POST', '/reactions', { emoji: '👏', count: 4 })
    expect((await ask(host, 'PUT', '/pin', { post: first.id })).status).toBe(204)
    expect((await ask(ana, 'DELETE', `/posts/${second.id}`)).status).toBe(204)

    for (const ear of ears) {
      await poll(() => heard(ear, 'unpost').map(({ id }) => id)).toEqual([second.id])
      await poll(() => heard(ear, 'pin').length).toBeGreaterThan(0)
      const posts = heard(ear, 'post')
      expect(posts.map(({ id, text }) => [id, text])).toEqual([
        [first.id, first.text],
        [second.id, 'Taken back'],
      ])
      expect(posts[0]).toMatchObject({ by: ana.user, role: 'listener' })
      expect(posts[0]!.frame).toBeGreaterThanOrEqual(before)
      await poll(() => heard(ear, 'reactions').reduce((sum, { counts }) => sum + counts['👏']!, 0)).toBe(12)
      for (const { sample, samples, events } of ear.chunks)
        for (const { frame } of events) {
          expect(frame * FRAME_SAMPLES).toBeGreaterThanOrEqual(sample)
          expect(frame * FRAME_SAMPLES).toBeLessThan(sample + samples)
        }
    }
    const [post] = heard(aac, 'post')
    const placed = { ...first, frame: post!.frame }
    expect(heard(aac, 'pin')[0]!.post).toEqual(placed)
    await poll(async () => (await view()).pin).toEqual(placed)
    expect((await view()).posts).toEqual([placed])
    const pinned = stage.messages.findLast((message) => message.type === 'said')
    expect(pinned).toMatchObject({ type: 'said', pin: placed })

    // Again in the next segment, for who begins there.
    const { length } = heard(aac, 'pin')
    await poll(() => heard(aac, 'pin').length).toBeGreaterThan(length)
    await ask(host, 'POST', '/end')
    await Promise.all(ears.map((ear) => ear.close()))
    stage.close()
    const archived = () => call(`${odeon.url}/replay/${id}/archive.json`, 'GET')
    await poll(async () => (await archived()).status).toBe(200)
    const { events } = Archive.parse((await archived()).body)
    const of = (...types: TimedEvent['type'][]) => events.filter(({ type }) => types.includes(type))
    expect(of('post', 'unpost')).toEqual([post])
    expect(of('pin')).toEqual([heard(aac, 'pin')[0]])
    expect(
      of('reactions').reduce((sum, event) => sum + (event.type === 'reactions' ? event.counts['👏']! : 0), 0),
    ).toBe(12)

    // What was removed is nowhere in the recording, while it was live or after that.
    const recording = async () => {
      const download = await fetch(`${odeon.url}/replay/${id}/audio.m4a`)
      return Buffer.from(await download.arrayBuffer())
    }
    const whole = await recording()
    expect([whole.includes('odeon.example'), whole.includes('Taken back')]).toEqual([true, false])
    expect((await ask(ana, 'DELETE', `/posts/${first.id}`)).status).toBe(403)
    expect((await ask(host, 'DELETE', `/posts/${first.id}`)).status).toBe(202)
    await expect
      .poll(async () => JSON.stringify((await archived()).body), { timeout: 20_000 })
      .not.toContain('odeon.example')
    const after = await recording()
    expect(after.includes('odeon.example')).toBe(false)
    expect(after.length).toBe(whole.length)
  },
)
