import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InboxEvent } from '@odeon/common/events.ts'
import { ERASE_QUEUE, inboxKey, roomKey } from '@odeon/common/keys.ts'
import { FIRST } from '@odeon/common/ports.ts'
import type { PlacedPost } from '@odeon/common/posts.ts'
import type { RoomState, ToStage } from '@odeon/common/room.ts'
import { asEnded, getSpace, updateSpace } from '@odeon/common/space.ts'
import { openHouse, type Answer, type Guest, type House } from './harness.ts'
import { openStage } from './stage-client.ts'

let house: House
let host: Guest
let ana: Guest
let id: string
beforeAll(async () => void (house = await openHouse({ limits: { sessions: 1e6, spaces: 1e6 } })))
afterAll(() => house.close())
beforeEach(async () => {
  house.clock.now += 60_000 // Everybody may do as much as he likes again.
  host = await house.guest('Hana')
  ana = await house.guest('Ana')
  id = await house.space(host)
  told = 0
})

const ask = (who: Guest, method: string, path: string, body?: unknown): Promise<Answer> =>
  house.ask(method, `/api/spaces/${id}${path}`, {
    token: who.token,
    ...(body !== undefined && { body }),
  })
const inbox = async (): Promise<InboxEvent[]> =>
  (await house.ports.log.read(inboxKey(id), FIRST)).map(
    ({ body }) => JSON.parse(new TextDecoder().decode(body)) as InboxEvent,
  )
let told = 0
/** As the mixer tells of the room. */
const tell = async (state: Partial<RoomState>): Promise<void> => {
  const whole: RoomState = {
    changes: 1,
    inbox: FIRST,
    members: [],
    talking: [],
    hands: [],
    sample: [],
    ...state,
  }
  const body = new TextEncoder().encode(JSON.stringify(whole))
  await house.ports.log.append(roomKey(id), { major: 1, minor: ++told }, body)
}
const placed = (n: number, by: Guest, frame = n): PlacedPost => ({
  id: `post${String(n).padStart(16, '0')}`,
  by: by.user,
  role: 'listener',
  text: `Number ${n}`,
  frame,
})

describe('posts', () => {
  test('what a listener writes goes to the mixer as one line of text, whatever it is made of', async () => {
    const typed = ' <b>Hi</b>\u202e there\u0007\n  https://odeon.example \u{1f44b}\u{1f3fd}\ud800 '
    const { status, body } = await ask(ana, 'POST', '/posts', { text: typed })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^[a-z0-9]{20}$/) as string,
      by: ana.user,
      role: 'listener',
      text: '<b>Hi</b> there https://odeon.example 👋🏽\ufffd',
    })
    expect(await inbox()).toEqual([{ type: 'post', ...body }])
  })

  test.each([
    ['nothing', '  \n '],
    ['what can’t be seen', '\u200d\u200d'],
    ['more than 280 characters', '👋'.repeat(281)],
  ])('%s is refused', async (_, text) => {
    expect(await ask(ana, 'POST', '/posts', { text })).toMatchObject({ status: 400, code: 'bad_input' })
  })

  test('280 characters are let through, also those that are two of JavaScript’s', async () => {
    expect(await ask(ana, 'POST', '/posts', { text: '👋'.repeat(280) })).toMatchObject({ status: 201 })
  })

  test('sent again with its key it is the same post; another’s key makes another', async () => {
    const ids = []
    for (const who of [ana, ana, host])
      ids.push((await ask(who, 'POST', '/posts', { text: 'Hello', key: 'one' })).body!['id'])
    expect(ids[1]).toBe(ids[0])
    expect(ids[2]).not.toBe(ids[0])
  })

  test('five at once, then one in two seconds; a space takes ten a second of all', async () => {
    const statuses = async (who: Guest, count: number): Promise<number[]> => {
      const all = []
      for (let n = 0; n < count; n++) all.push((await ask(who, 'POST', '/posts', { text: 'Hello' })).status)
      return all
    }
    expect(await statuses(ana, 6)).toEqual([201, 201, 201, 201, 201, 429])
    expect((await ask(ana, 'POST', '/posts', { text: 'Hello' })).code).toBe('too_fast')
    house.clock.now += 2000
    expect(await statuses(ana, 2)).toEqual([201, 429])
    const others = await Promise.all(Array.from({ length: 5 }, (_, n) => house.guest(`Guest ${n}`)))
    const codes = []
    for (const other of others)
      for (let n = 0; n < 4; n++) codes.push((await ask(other, 'POST', '/posts', { text: 'Hello' })).code)
    expect(codes.filter((code) => code === '')).toHaveLength(19)
    expect(codes.at(-1)).toBe('busy')
  })

  test('not before the space is live, and not for somebody who was banned a moment ago', async () => {
    await updateSpace(house.ports.store, id, (space) => ({
      ...space,
      out: { [ana.user.id]: { name: 'Ana', kind: 'banned' as const, at: 1 } },
    }))
    for (const path of ['/posts', '/reactions', '/reports'])
      expect(
        await ask(ana, 'POST', path, { text: 'Hi', emoji: '👏', what: 'space', why: 'Why' }),
      ).toMatchObject({ status: 403, code: 'banned' })
    id = await house.space(host, 'scheduled')
    expect(await ask(ana, 'POST', '/posts', { text: 'Hi' })).toMatchObject({ status: 409, code: 'not_live' })
  })

  test('a host removes any, everybody his own, and nobody another’s', async () => {
    await tell({ posts: [placed(1, host), placed(2, ana)] })
    const remove = async (who: Guest, n: number) =>
      (await ask(who, 'DELETE', `/posts/${placed(n, who).id}`)).status
    expect([await remove(ana, 1), await remove(ana, 2), await remove(host, 2)]).toEqual([403, 204, 204])
    expect(await inbox()).toEqual([
      { type: 'unpost', id: placed(2, ana).id, by: ana.user.id, any: false },
      { type: 'unpost', id: placed(2, ana).id, by: host.user.id, any: true },
    ])
  })

  test('a host pins one of the newest', async () => {
    await tell({ posts: [placed(1, ana)] })
    expect((await ask(host, 'PUT', '/pin', { post: placed(1, ana).id })).status).toBe(204)
    expect(await ask(host, 'PUT', '/pin', { post: placed(2, ana).id })).toMatchObject({
      status: 404,
      code: 'unknown_post',
    })
    expect((await ask(host, 'DELETE', '/pin')).status).toBe(204)
    expect(await inbox()).toEqual([
      { type: 'pin', id: placed(1, ana).id },
      { type: 'pin', id: null },
    ])
  })

  test('who comes later sees the last ones and the pin in what caches may keep; the list of spaces is without them', async () => {
    await tell({ posts: [placed(1, ana)], pin: placed(1, ana) })
    house.clock.now += 1000
    const one = await house.ask('GET', `/api/spaces/${id}`)
    expect(one.headers.get('cache-control')).toBe('public, max-age=1')
    expect(one.body).toMatchObject({ posts: [placed(1, ana)], pin: placed(1, ana) })
    const { body } = await house.ask('GET', '/api/spaces')
    for (const space of body!['spaces'] as object[]) expect(space).not.toHaveProperty('posts')
  })
})

describe('reactions', () => {
  test('many become few words to the mixer, and none is lost', async () => {
    const crowd = await Promise.all(Array.from({ length: 20 }, (_, n) => house.guest(`Guest ${n}`)))
    for (let round = 0; round < 4; round++)
      await Promise.all(crowd.map((guest) => ask(guest, 'POST', '/reactions', { emoji: '🔥', count: 5 })))
    const sums = async (): Promise<number[]> =>
      (await inbox()).map((event) => (event.type === 'reactions' ? event.counts['🔥']! : 0))
    await expect.poll(async () => (await sums()).reduce((a, b) => a + b, 0)).toBe(400)
    expect((await sums()).length).toBeLessThan(40)
  })

  test('refused by the short way and by the router in the same words', async () => {
    const ways = [undefined, { type: 'application/json; charset=utf-8' }]
    const answers = []
    for (const way of ways) {
      for (const body of ['{"emoji":', '{"emoji":"x"}', '{"emoji":"👏","count":21}']) {
        const { status, code, headers } = await house.ask('POST', `/api/spaces/${id}/reactions`, {
          token: ana.token,
          body,
          ...way,
        })
        answers.push([status, code, headers.get('access-control-allow-origin'), headers.get('cache-control')])
      }
      const { status, code, headers } = await house.ask('POST', `/api/spaces/${id}/reactions`, {
        body: { emoji: '👏' },
        ...way,
      })
      answers.push([status, code, headers.get('www-authenticate')])
    }
    expect(answers.slice(0, 4)).toEqual([
      [400, 'bad_json', '*', 'no-store'],
      [400, 'bad_input', '*', 'no-store'],
      [400, 'bad_input', '*', 'no-store'],
      [401, 'unauthorized', 'Bearer'],
    ])
    expect(answers.slice(4)).toEqual(answers.slice(0, 4))
  })

  test('the emoji are a few, and a person sends ten a second for long', async () => {
    expect((await ask(ana, 'POST', '/reactions', { emoji: '💩' })).status).toBe(400)
    const { status, text } = await ask(ana, 'POST', '/reactions', { emoji: '❤️', count: 20 })
    expect([status, text]).toEqual([202, ''])
    expect(await ask(ana, 'POST', '/reactions', { emoji: '❤️' })).toMatchObject({
      status: 429,
      code: 'too_fast',
    })
    house.clock.now += 1000
    expect((await ask(ana, 'POST', '/reactions', { emoji: '❤️', count: 10 })).status).toBe(202)
  })
})

test('those on stage are shown the posts at once, then what comes and goes, and reactions', async () => {
  await tell({ posts: [placed(1, ana), placed(2, ana)] })
  const stage = await openStage(house.url, id, host.token)
  const next = (fits: (message: ToStage) => boolean) =>
    stage.until((message): message is ToStage => fits(message))
  await next(({ type }) => type === 'said')
  const reactions = { frame: 9, counts: { '👏': 7 } }
  await tell({ posts: [placed(2, ana), placed(3, host)], pin: placed(3, host), reactions })
  await next(({ type }) => type === 'reactions')
  stage.close()
  expect(stage.messages.filter(({ type }) => type === 'said' || type === 'reactions')).toEqual([
    { type: 'said', posts: [placed(1, ana), placed(2, ana)], removed: [], pin: null },
    { type: 'said', posts: [placed(3, host)], removed: [placed(1, ana).id], pin: placed(3, host) },
    { type: 'reactions', counts: { '👏': 7 } },
  ])
})

describe('reports', () => {
  test('hosts see who reported what, with the text as it was, newest first; the same twice is one', async () => {
    await tell({ posts: [placed(1, ana)] })
    const ben = await house.guest('Ben')
    const report = { what: 'post', id: placed(1, ana).id, why: 'Rude' }
    const first = await ask(ben, 'POST', '/reports', report)
    const again = await ask(ben, 'POST', '/reports', { ...report, why: 'Very rude' })
    expect([first.status, again.body]).toEqual([201, first.body])
    await ask(ana, 'POST', '/reports', { what: 'user', id: host.user.id, why: 'Shouts' })
    const { body } = await ask(host, 'GET', '/reports')
    expect(body!['reports']).toMatchObject([
      { what: 'user', target: host.user.id, name: 'Hana', why: 'Shouts', by: ana.user },
      { what: 'post', target: report.id, name: 'Ana', text: 'Number 1', why: 'Rude', by: ben.user },
    ])
    expect(await house.registry.metrics()).toContain('odeon_reports_total{what="user"} 1')
  })

  test('the newest two hundred are kept', async () => {
    for (let n = 0; n < 201; n++) {
      const guest = await house.guest(`Guest ${n}`)
      await ask(guest, 'POST', '/reports', { what: 'space', why: `Reason ${n}` })
    }
    const { body } = await ask(host, 'GET', '/reports')
    const reasons = (body!['reports'] as { why: string }[]).map(({ why }) => why)
    expect([reasons.length, reasons[0], reasons.at(-1)]).toEqual([200, 'Reason 200', 'Reason 1'])
  })
})

test('behind three nodes a person may not write three times as much', async () => {
  const nodes = await Promise.all([1, 2, 3].map(() => openHouse({ beside: house })))
  try {
    const statuses: number[] = []
    for (let n = 0; n < 18; n++)
      statuses.push(
        (
          await nodes[n % 3]!.ask('POST', `/api/spaces/${id}/posts`, {
            token: ana.token,
            body: { text: `${n}` },
          })
        ).status,
      )
    expect(statuses.filter((status) => status === 201)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(8)
  } finally {
    for (const node of nodes) await node.close()
  }
})

describe('a space that has ended', () => {
  const orders: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const worker of orders.splice(0)) await worker.close()
  })
  /** What is ordered to be taken out of replays. */
  const ordered = (): unknown[] => {
    const jobs: unknown[] = []
    orders.push(house.ports.jobs.work(ERASE_QUEUE, ({ data }) => Promise.resolve(void jobs.push(data))))
    return jobs
  }
  const pending = async () => (await getSpace(house.ports.store, id))!.erase

  test('its host and his co-hosts have posts taken out of the replay, each once', async () => {
    const jobs = ordered()
    await updateSpace(house.ports.store, id, (space) => ({
      ...asEnded(space, 'host', 1),
      startedAt: 5,
      speakers: { ...space.speakers, [ana.user.id]: { name: 'Ana', role: 'cohost' } },
    }))
    expect(await ask(host, 'DELETE', `/posts/${placed(1, ana).id}`)).toMatchObject({ status: 202 })
    expect(await ask(host, 'DELETE', `/posts/${placed(1, ana).id}`)).toMatchObject({ status: 202 })
    expect(await ask(ana, 'DELETE', `/posts/${placed(2, host).id}`)).toMatchObject({ status: 202 })
    expect(await pending()).toEqual([placed(1, ana).id, placed(2, host).id])
    await expect.poll(() => jobs).toContainEqual({ id, startedAt: 5 })
    expect(await inbox()).toEqual([])
  })

  test('nobody else has, not even of his own: who wrote what is in the recording alone', async () => {
    await updateSpace(house.ports.store, id, (space) => asEnded(space, 'host', 1))
    expect(await ask(ana, 'DELETE', `/posts/${placed(1, ana).id}`)).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect(await pending()).toEqual([])
  })

  test('so many at once are too many', async () => {
    await updateSpace(house.ports.store, id, (space) => ({
      ...asEnded(space, 'host', 1),
      erase: Array.from({ length: 200 }, (_, n) => placed(n, ana).id),
    }))
    expect(await ask(host, 'DELETE', `/posts/${placed(999, ana).id}`)).toMatchObject({
      status: 429,
      code: 'busy',
    })
    expect(await ask(host, 'DELETE', `/posts/${placed(7, ana).id}`)).toMatchObject({ status: 202 })
  })
})
