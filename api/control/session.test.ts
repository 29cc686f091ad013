import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, SECRET, type House } from './harness.ts'

let house: House
beforeAll(async () => void (house = await openHouse()))
afterAll(() => house.close())

const DAY_MS = 24 * 3600_000

test('who gives a name gets an identity and a token, and the name is trimmed', async () => {
  const { status, body, headers } = await house.ask('POST', '/api/session', {
    body: { name: '  Ana María ' },
  })
  expect(status).toBe(201)
  expect(body).toEqual({
    token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    user: { id: expect.stringMatching(/^[a-z0-9]{12}$/), name: 'Ana María' },
  })
  expect(headers.get('content-type')).toContain('application/json')
})

test('who sends a token along keeps the identity under the new name', async () => {
  const ana = await house.guest('Ana')
  const renamed = await house.ask('POST', '/api/session', { token: ana.token, body: { name: 'Anna' } })
  expect(renamed.body!['user']).toEqual({ id: ana.user.id, name: 'Anna' })
  const other = await house.ask('POST', '/api/session', { token: 'nonsense', body: { name: 'Eve' } })
  expect(other.status).toBe(201)
  expect(other.body!['user']).not.toMatchObject({ id: ana.user.id })
})

test.each([
  ['no name', {}],
  ['a number', { name: 7 }],
  ['null', { name: null }],
  ['spaces alone', { name: '   ' }],
  ['41 characters', { name: 'x'.repeat(41) }],
  ['a line break in the middle', { name: 'a\nb' }],
  ['a control character', { name: 'a\u0007b' }],
  ['a list', [{ name: 'Ana' }]],
])('a name can’t be %s: 400, and the sentence says which field', async (_what, body) => {
  const answer = await house.ask('POST', '/api/session', { body })
  expect(answer).toMatchObject({ status: 400, code: 'bad_input' })
  expect(answer.text).toContain('body')
})

test('40 characters are a name', async () => {
  expect((await house.ask('POST', '/api/session', { body: { name: 'x'.repeat(40) } })).status).toBe(201)
})

test('a token is good for 30 days', async () => {
  const { token } = await house.guest()
  const since = house.clock.now
  const open = () => house.ask('POST', '/api/spaces', { token, body: { title: 'A talk' } })
  house.clock.now = since + 30 * DAY_MS - 60_000
  expect((await open()).status).toBe(201)
  house.clock.now = since + 30 * DAY_MS + 60_000
  const late = await open()
  expect(late).toMatchObject({ status: 401, code: 'unauthorized' })
  expect(late.text).toContain('expired')
  house.clock.now = since
})

test('a token that is missing, torn, foreign, unsigned or without an end opens nothing', async () => {
  const ana = await house.guest()
  const sign = (secret: string, claims: Record<string, unknown> = {}) =>
    new SignJWT({ name: 'Eve', sub: ana.user.id, iss: 'odeon', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret))
  const exp = house.clock.now / 1000 + 60
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { name: 'Eve', sub: ana.user.id, iss: 'odeon', exp }
  expect((await ask(await sign(SECRET, { exp }))).status).toBe(201) // As it should be, so that the others differ in one thing.
  for (const token of [
    undefined,
    'nonsense',
    ana.token.slice(0, -4),
    `${base64({ alg: 'none' })}.${base64(claims)}.`,
    await sign('x'.repeat(40), { exp }),
    await sign(SECRET),
    await sign(SECRET, { exp, sub: '../../etc' }),
    await sign(SECRET, { exp, iss: 'elsewhere' }),
  ]) {
    const answer = await ask(token)
    expect(answer, token).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.text).not.toContain(SECRET)
  }
  function ask(token: string | undefined) {
    return house.ask('POST', '/api/spaces', { ...(token && { token }), body: { title: 'Mine' } })
  }
})
