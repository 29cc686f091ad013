import { FIRST } from '@odeon/common/ports.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { inboxKey, LIVE_QUEUE, logKey, roomKey } from '@odeon/common/keys.ts'
import type { SpaceEvent, StageEvent } from '@odeon/common/events.ts'
import type { RoomState } from '@odeon/common/room.ts'
import { getSpace } from '@odeon/common/space.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadUrl, openHouse, type Guest, type House } from './harness.ts'

let house: House
let host: Guest
beforeEach(async () => {
  house = await openHouse()
  host = await house.guest('Hana')
})
afterEach(() => house.close())

const act = (id: string, what: string, guest: Guest = host) =>
  house.ask('POST', `/api/spaces/${id}/${what}`, { token: guest.token })
const show = async (id: string) => (await house.ask('GET', `/api/spaces/${id}`)).body!
const titles = async (query = '') =>
  ((await house.ask('GET', `/api/spaces${query}`)).body!['spaces'] as { title: string }[]).map(
    ({ title }) => title,
  )

test('a new space is scheduled, its maker is the host, and these fields alone leave the house', async () => {
  const scheduledFor = house.clock.now + 3600_000
  const body = { title: '  Birds ', scheduledFor, state: 'live', host: 'me' }
  const { status, body: space } = await house.ask('POST', '/api/spaces', { token: host.token, body })
  expect(status).toBe(201)
  expect(space).toEqual({
    id: expect.stringMatching(/^[a-z0-9]{10}$/),
    title: 'Birds',
    state: 'scheduled',
    host: host.user,
    createdAt: house.clock.now,
    scheduledFor,
    replay: { state: 'none' },
    policy: 'request',
    recorded: true,
    stage: null,
  })
  expect(await show(space!['id'] as string)).toEqual(space)
})

test.each([
  ['no title', {}],
  ['an empty title', { title: ' ' }],
  ['121 characters', { title: 'x'.repeat(121) }],
  ['a date in words', { title: 'A', scheduledFor: 'tomorrow' }],
  ['a time in seconds', { title: 'A', scheduledFor: 1_790_000_000 }],
  ['a fraction', { title: 'A', scheduledFor: 1_790_000_000_000.5 }],
])('a space with %s is refused', async (_what, body) => {
  expect(await house.ask('POST', '/api/spaces', { token: host.token, body })).toMatchObject({
    status: 400,
    code: 'bad_input',
  })
})

test('spaces are listed newest first, by state, and anybody may look', async () => {
  const open = async (title: string): Promise<string> => {
    house.clock.now += 1000
    return (await house.ask('POST', '/api/spaces', { token: host.token, body: { title } })).body![
      'id'
    ] as string
  }
  const [first] = [await open('first'), await open('second'), await open('third')]
  expect(await titles()).toEqual(['third', 'second', 'first'])
  house.clock.now += 1000
  await act(first, 'start')
  expect(await titles()).toEqual(['first', 'third', 'second'])
  expect(await titles('?state=live')).toEqual(['first'])
  expect(await titles('?state=scheduled')).toEqual(['third', 'second'])
  await act(first, 'end')
  expect(await titles('?state=ended')).toEqual(['first'])
  expect(await titles('?state=live')).toEqual([])
  expect(await house.ask('GET', '/api/spaces?state=gone')).toMatchObject({ status: 400, code: 'bad_input' })
})

test('a list has at most 100 spaces', async () => {
  const template = (await getSpace(house.ports.store, await house.space(host, 'scheduled')))!
  for (let n = 0; n < 105; n++) {
    house.clock.now += 60_000
    const space = {
      ...template,
      id: `space${100 + n}x`,
      title: String(n),
      createdAt: house.clock.now,
    }
    await house.ports.store.put(`space:{${space.id}}`, space, 0)
  }
  const listed = await titles('?state=scheduled')
  expect(listed).toHaveLength(100)
  expect(listed[0]).toBe('104')
})

test('what everybody sees may be kept for a second, what one person sees not at all', async () => {
  const id = await house.space(host)
  const cache = async (path: string, token?: string) =>
    (await house.ask('GET', path, { ...(token && { token }) })).headers.get('cache-control')
  expect(await cache('/api/spaces')).toBe('public, max-age=1')
  expect(await cache(`/api/spaces/${id}`)).toBe('public, max-age=1')
  expect(await cache(`/api/spaces/${id}/me`, host.token)).toBe('no-store')
  expect(await cache('/api/spaces/nosuchspace')).toBe('no-store')
})

test('everyone is told his own role', async () => {
  const id = await house.space(host)
  const speaker = await house.speaker(host, id)
  const role = async ({ token }: Guest) => (await house.ask('GET', `/api/spaces/${id}/me`, { token })).body
  expect(await role(host)).toMatchObject({ role: 'host' })
  expect(await role(speaker)).toMatchObject({ role: 'speaker' })
  expect(await role(await house.guest())).toMatchObject({ role: 'listener' })
  expect((await house.ask('GET', `/api/spaces/${id}/me`)).status).toBe(401)
})

test('a listener is told whether his hand is up, so that his page may be loaded anew', async () => {
  const id = await house.space(host)
  const [ana, ben] = [await house.guest('Ana'), await house.guest('Ben')]
  const state: RoomState = {
    changes: 0,
    inbox: { major: 0, minor: 0 },
    members: [],
    talking: [],
    hands: [{ ...ana.user, at: 0, ready: false }],
    sample: [],
  }
  await house.ports.log.add(roomKey(id), new TextEncoder().encode(JSON.stringify(state)))
  house.clock.now += 100 // What was known of the room before is kept so long.
  const hand = async ({ token }: Guest) =>
    (await house.ask('GET', `/api/spaces/${id}/me`, { token })).body!['hand']
  expect([await hand(ana), await hand(ben)]).toEqual([true, false])
})

test('an unknown space is 404 and an impossible id 400, with every route', async () => {
  const { token } = host
  const routes: [string, string, unknown?][] = [
    ['GET', ''],
    ['GET', '/me'],
    ['POST', '/start'],
    ['POST', '/end'],
    ['POST', '/invites', { role: 'speaker' }],
    [`POST`, `/speakers/${host.user.id}/mute`, { muted: true }],
    ['DELETE', `/speakers/${host.user.id}`],
  ]
  for (const [method, rest, body] of routes) {
    const ask = (id: string) => house.ask(method, `/api/spaces/${id}${rest}`, { token, body })
    expect(await ask('nosuchspace'), rest).toMatchObject({ status: 404, code: 'unknown_space' })
    for (const id of ['..%2f..%2fetc', 'UPPERCASE1', 'a', '%00%00%00%00%00%00%00%00', '%zz'])
      expect(await ask(id), `${method} ${id}${rest}`).toMatchObject({ status: 400, code: 'bad_input' })
  }
})

describe('the start', () => {
  test('is for five spaces of one host; when one has ended there is room for another', async () => {
    const ids: string[] = []
    for (let n = 0; n < 6; n++) ids.push(await house.space(host, 'scheduled'))
    for (const id of ids.slice(0, 5)) expect((await act(id, 'start')).status).toBe(200)
    expect(await act(ids[5]!, 'start')).toMatchObject({ status: 409, code: 'too_many_live' })
    expect(await show(ids[5]!)).toMatchObject({ state: 'scheduled' })
    expect(house.ingest.asked).toHaveLength(5)
    const other = await house.guest('Ana')
    expect((await act(await house.space(other, 'scheduled'), 'start', other)).status).toBe(200)
    await act(ids[0]!, 'end')
    expect((await act(ids[5]!, 'start')).status).toBe(200)
  })

  test('of more than five at once leaves no more than five live', async () => {
    const ids: string[] = []
    for (let n = 0; n < 8; n++) ids.push(await house.space(host, 'scheduled'))
    await Promise.all(ids.map((id) => act(id, 'start')))
    const isLive = async (id: string) => (await getSpace(house.ports.store, id))!.state === 'live'
    const live = (await Promise.all(ids.map(isLive))).filter(Boolean).length
    expect(live).toBeLessThanOrEqual(5)
    expect(house.ingest.asked).toHaveLength(live)
  })

  test('makes the space live, opens the mixer and orders the transcoder', async () => {
    const id = await house.space(host, 'scheduled')
    const startedAt = (house.clock.now += 5000)
    const jobs: unknown[] = []
    house.ports.jobs.work(LIVE_QUEUE, ({ data }) => Promise.resolve(void jobs.push(data)))
    const { status, body } = await act(id, 'start')
    expect(status).toBe(200)
    expect(body).toMatchObject({ id, state: 'live', startedAt })
    expect(house.ingest.asked).toEqual([
      {
        method: 'PUT',
        path: `/spaces/${id}`,
        authorization: 'Bearer between api and ingest',
        body: { startedAt, title: 'A talk' },
      },
    ])
    await expect.poll(() => jobs).toEqual([{ id, startedAt }])
  })

  test('is the host’s, and there is one', async () => {
    const id = await house.space(host, 'scheduled')
    expect(await act(id, 'start', await house.guest())).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await show(id)).toMatchObject({ state: 'scheduled' })
    expect((await act(id, 'start')).status).toBe(200)
    expect(await act(id, 'start')).toMatchObject({ status: 409, code: 'already_started' })
    await act(id, 'end')
    expect(await act(id, 'start')).toMatchObject({ status: 409, code: 'already_ended' })
  })

  test('of two at once, one is it', async () => {
    const id = await house.space(host, 'scheduled')
    const answers = await Promise.all([act(id, 'start'), act(id, 'start'), act(id, 'start')])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
    expect(house.ingest.asked).toHaveLength(1)
  })

  test('that finds no ingest node is 503, and the space can be started later', async () => {
    const id = await house.space(host, 'scheduled')
    const { url } = house.ingest
    house.ingest.url = await deadUrl()
    const answer = await act(id, 'start')
    expect(answer).toMatchObject({ status: 503, code: 'ingest_unreachable' })
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(await show(id)).toMatchObject({ state: 'scheduled' })
    expect(await show(id)).not.toHaveProperty('startedAt')
    house.ingest.url = url
    expect((await act(id, 'start')).status).toBe(200)
  })

  test('that fails after the host has ended the space leaves it ended', async () => {
    const id = await house.space(host, 'scheduled')
    const asked = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    house.ingest.reply = async () => {
      asked.resolve()
      await gate.promise
      return { status: 503, text: '{"error":{"code":"busy","message":"Not now."}}' }
    }
    const starting = act(id, 'start')
    await asked.promise
    expect((await act(id, 'end')).status).toBe(200)
    gate.resolve()
    expect(await starting).toMatchObject({ status: 503, code: 'busy' })
    expect(await show(id)).toMatchObject({ state: 'ended' })
  })
})

describe('the end', () => {
  test('is noted at once and told to the mixer', async () => {
    const id = await house.space(host)
    const endedAt = (house.clock.now += 60_000)
    const { status, body } = await act(id, 'end')
    expect(status).toBe(200)
    expect(body).toMatchObject({ state: 'ended', endedAt, replay: { state: 'preparing' }, stage: null })
    const inbox = await house.ports.log.read(inboxKey(id), FIRST)
    expect(inbox.map((entry) => JSON.parse(new TextDecoder().decode(entry.body)) as unknown)).toEqual([
      { type: 'end', reason: 'host' },
    ])
  })

  test('by a stranger is refused and nobody notices; a second end too, and one before the start', async () => {
    const id = await house.space(host)
    expect(await act(id, 'end', await house.guest())).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await act(id, 'end', await house.speaker(host, id))).toMatchObject({ status: 403 })
    expect((await house.ask('POST', `/api/spaces/${id}/end`)).status).toBe(401)
    expect(await show(id)).toMatchObject({ state: 'live' })
    expect(new TextDecoder().decode((await house.ports.log.newest(inboxKey(id)))?.body)).not.toContain('end')
    expect((await act(id, 'end')).status).toBe(200)
    expect(await act(id, 'end')).toMatchObject({ status: 409, code: 'already_ended' })
    const early = await house.space(host, 'scheduled')
    expect(await act(early, 'end')).toMatchObject({ status: 409, code: 'not_live' })
  })
})

describe('the stage in a space', () => {
  const member = { name: 'Hana', role: 'host', muted: 'no', connected: true } as const
  const snapshot = (talking: string[]): StageEvent => ({
    type: 'stage',
    title: 'A talk',
    members: [{ id: host.user.id, ...member }],
    talking,
  })
  const write = (id: string, frame: number, body: Uint8Array) =>
    house.ports.log.append(logKey(id), frameId(1, frame), body)
  const frame = (...events: SpaceEvent[]) =>
    encodeLogEntry({ kind: 'frame', opus: new Uint8Array(3), events })

  test('is what the newest snapshot in the log says, with who has begun to talk since', async () => {
    const id = await house.space(host)
    expect(await show(id)).toMatchObject({ stage: null })
    house.clock.now += 1000
    await write(id, 0, frame(snapshot([])))
    await write(id, 1, frame({ type: 'talking', ids: [host.user.id] }))
    await write(id, 2, Uint8Array.of(99)) // A damaged entry hides nothing.
    const seen = { members: [{ id: host.user.id, ...member }], talking: [host.user.id] }
    expect(await show(id)).toMatchObject({ stage: seen })
    expect((await house.ask('GET', '/api/spaces')).body).toMatchObject({ spaces: [{ stage: seen }] })
  })

  test('is read from the log once a second at most', async () => {
    const id = await house.space(host)
    house.clock.now += 1000 // Nobody was there yet when the start was answered.
    await write(id, 0, frame(snapshot([])))
    expect(await show(id)).toMatchObject({ stage: { talking: [] } })
    await write(id, 1, frame(snapshot([host.user.id])))
    house.clock.now += 999
    expect(await show(id)).toMatchObject({ stage: { talking: [] } })
    house.clock.now += 1
    expect(await show(id)).toMatchObject({ stage: { talking: [host.user.id] } })
  })

  test('is not searched for further back than a segment', async () => {
    const id = await house.space(host)
    house.clock.now += 1000
    await write(id, 0, frame(snapshot([])))
    await write(id, 500, frame())
    expect(await show(id)).toMatchObject({ stage: null })
  })
})
