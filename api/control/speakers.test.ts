import { inboxKey } from '@odeon/common/keys.ts'
import { FIRST } from '@odeon/common/ports.ts'
import { getSpace } from '@odeon/common/space.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openHouse, type Guest, type House } from './harness.ts'

let house: House
let host: Guest
let id: string
let stranger: Guest
beforeAll(async () => void (house = await openHouse({ limits: { sessions: 1000, spaces: 1000 } })))
afterAll(() => house.close())
beforeEach(async () => {
  host = await house.guest('Hana')
  stranger = await house.guest('Stranger')
  id = await house.space(host)
})

const invite = async ({ token }: Guest, body: unknown = { role: 'speaker' }) =>
  house.ask('POST', `/api/spaces/${id}/invites`, { token, body })
const take = ({ token }: Guest, code: unknown, space = id) =>
  house.ask('POST', `/api/spaces/${space}/speakers`, { token, body: { invite: code } })
const mute = ({ token }: Guest, user: string, muted: unknown) =>
  house.ask('POST', `/api/spaces/${id}/speakers/${user}/mute`, { token, body: { muted } })
const remove = ({ token }: Guest, user: string) =>
  house.ask('DELETE', `/api/spaces/${id}/speakers/${user}`, { token })
const role = async ({ token }: Guest) =>
  (await house.ask('GET', `/api/spaces/${id}/me`, { token })).body!['role']
const muted = async ({ user }: Guest) =>
  (await getSpace(house.ports.store, id))!.speakers[user.id]?.muted ?? 'no'
const inbox = async () =>
  (await house.ports.log.read(inboxKey(id), FIRST)).map(
    ({ body }) => JSON.parse(new TextDecoder().decode(body)) as unknown,
  )

describe('a speaker link', () => {
  test('is made by the host and lets its bearer onto the stage, as often as he likes', async () => {
    const { status, body } = await invite(host)
    expect(status).toBe(201)
    const code = body!['code'] as string
    expect(body).toEqual({
      code: expect.stringMatching(/^[a-z0-9]{24}$/),
      role: 'speaker',
      url: `/s/${id}?invite=${code}`,
      createdAt: house.clock.now,
      uses: 0,
      good: true,
    })
    for (let times = 0; times < 2; times++)
      expect(await take(stranger, code)).toMatchObject({ status: 200, body: { role: 'speaker' } })
    expect(await role(stranger)).toBe('speaker')
    expect(await take(host, code)).toMatchObject({ status: 200, body: { role: 'host' } })
    expect(await role(host)).toBe('host')
  })

  test('can’t be made by others, nor for other roles', async () => {
    expect(await invite(stranger)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await invite(await house.speaker(host, id))).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await invite(host, { role: 'host' })).toMatchObject({ status: 400, code: 'bad_input' })
    expect((await house.ask('POST', `/api/spaces/${id}/invites`, { body: { role: 'speaker' } })).status).toBe(
      401,
    )
  })

  test('is good for its own space alone, and can’t be made up', async () => {
    const { body } = await invite(host)
    const other = await house.space(host)
    expect(await take(stranger, body!['code'], other)).toMatchObject({ status: 403, code: 'bad_invite' })
    expect(await take(stranger, 'x'.repeat(24))).toMatchObject({ status: 403, code: 'bad_invite' })
    for (const code of ['short', '', 7, null, `space:{${id}}`])
      expect(await take(stranger, code)).toMatchObject({ status: 400, code: 'bad_input' })
    expect(await role(stranger)).toBe('listener')
  })

  test('of a space that has ended lets nobody in', async () => {
    const { body } = await invite(host)
    await house.ask('POST', `/api/spaces/${id}/end`, { token: host.token })
    expect(await take(stranger, body!['code'])).toMatchObject({ status: 409, code: 'already_ended' })
  })
})

describe('mute', () => {
  test('says who did it: the speaker himself or the host', async () => {
    const ben = await house.speaker(host, id)
    for (const [who, closed, state] of [
      [ben, true, 'self'],
      [ben, false, 'no'],
      [host, true, 'host'],
      [host, false, 'no'],
      [host, true, 'host'],
      [ben, false, 'no'],
    ] as const) {
      expect((await mute(who, ben.user.id, closed)).status).toBe(204)
      expect(await muted(ben)).toBe(state)
    }
    expect(new Set(await inbox())).toEqual(new Set(Array.from(await inbox(), () => ({ type: 'changed' }))))
  })

  test('of others is the host’s, of a listener nobody’s; nothing reaches the mixer', async () => {
    const ben = await house.speaker(host, id)
    expect(await mute(stranger, ben.user.id, true)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await mute(ben, host.user.id, true)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await mute(stranger, stranger.user.id, true)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await mute(host, stranger.user.id, true)).toMatchObject({ status: 404, code: 'unknown_speaker' })
    const told = (await inbox()).length
    expect(await mute(host, 'constructor', true)).toMatchObject({ status: 404, code: 'unknown_speaker' })
    expect(await mute(host, '..%2fhost', true)).toMatchObject({ status: 400, code: 'bad_input' })
    expect(await mute(host, ben.user.id, 'yes')).toMatchObject({ status: 400, code: 'bad_input' })
    expect(await inbox()).toHaveLength(told)
  })

  test('needs a live space', async () => {
    await house.ask('POST', `/api/spaces/${id}/end`, { token: host.token })
    expect(await mute(host, host.user.id, true)).toMatchObject({ status: 409, code: 'already_ended' })
  })
})

describe('leaving for good', () => {
  test('takes the role away and the seat, by the host or by oneself', async () => {
    const ben = await house.speaker(host, id)
    const cleo = await house.speaker(host, id)
    expect((await remove(host, ben.user.id)).status).toBe(204)
    expect((await remove(cleo, cleo.user.id)).status).toBe(204)
    expect([await role(ben), await role(cleo)]).toEqual(['listener', 'listener'])
    expect((await inbox()).at(-1)).toEqual({ type: 'changed' })
  })

  test('is not decided by strangers; the host stays; a listener’s changes nothing', async () => {
    const ben = await house.speaker(host, id)
    expect(await remove(stranger, ben.user.id)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await remove(ben, host.user.id)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await remove(host, host.user.id)).toMatchObject({ status: 409, code: 'host_stays' })
    expect((await remove(stranger, stranger.user.id)).status).toBe(204)
    expect(await role(ben)).toBe('speaker')
  })
})

test('two made co-hosts at once take the last two places, the third is told how many there are; the host may allow more', async () => {
  const people = [await house.speaker(host, id), await house.speaker(host, id), await house.speaker(host, id)]
  const { token } = host
  const make = ({ user }: Guest) =>
    house.ask('PUT', `/api/spaces/${id}/speakers/${user.id}/role`, { token, body: { role: 'cohost' } })
  const answers = await Promise.all(people.map(make))
  expect(answers.map(({ status, code }) => code || status).toSorted()).toEqual([204, 204, 'too_many_cohosts'])
  const refused = people[answers.findIndex(({ status }) => status === 409)]!
  expect(await role(refused)).toBe('speaker')
  await house.ask('PATCH', `/api/spaces/${id}`, { token, body: { cohosts: 3 } })
  expect((await make(refused)).status).toBe(204)
  expect(await role(refused)).toBe('cohost')
})
