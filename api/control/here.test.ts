import { inboxKey } from '@odeon/common/keys.ts'
import { FIRST } from '@odeon/common/ports.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Guest, type House } from './harness.ts'

let house: House
let host: Guest
beforeAll(async () => {
  house = await openHouse({ limits: { sessions: 1e6 } })
  host = await house.guest('Hana')
})
afterAll(() => house.close())

const here = (space: string, { token }: { token?: string }) =>
  house.ask('POST', `/api/spaces/${space}/here`, { ...(token && { token }) })
/** Of whom the mixer was told. */
const told = async (space: string): Promise<string[]> =>
  (await house.ports.log.read(inboxKey(space), FIRST))
    .map(({ body }) => JSON.parse(new TextDecoder().decode(body)) as { type: string; name: string })
    .filter(({ type }) => type === 'here')
    .map(({ name }) => name)

test('of those who say that they listen, one in half a second is told to the mixer, by name', async () => {
  const space = await house.space(host)
  const guests = await Promise.all(['Ana', 'Ben', 'Cleo'].map((name) => house.guest(name)))
  for (const guest of guests) expect((await here(space, guest)).status).toBe(204)
  expect(await told(space)).toEqual(['Ana'])
  house.clock.now += 500
  await here(space, guests[1]!)
  expect(await told(space)).toEqual(['Ana', 'Ben'])
})

test('who is on stage or banned is none of the audience; a space that is not live has none', async () => {
  const space = await house.space(host)
  const [ben, cleo] = [await house.speaker(host, space), await house.guest('Cleo')]
  await house.ask('PUT', `/api/spaces/${space}/bans/${cleo.user.id}`, { token: host.token, body: {} })
  for (const guest of [host, ben, cleo]) expect((await here(space, guest)).status).toBe(204)
  expect(await told(space)).toEqual([])
  const planned = await house.space(host, 'scheduled')
  expect((await here(planned, ben)).status).toBe(204)
  expect(await told(planned)).toEqual([])
  expect(await here('nosuchspace', ben)).toMatchObject({ status: 404, code: 'unknown_space' })
  expect(await here(space, {})).toMatchObject({ status: 401, code: 'unauthorized' })
})
