import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { deadUrl, openHouse, type Guest, type House } from './harness.ts'

let house: House
let host: Guest
let stranger: Guest
let id: string
beforeAll(async () => {
  house = await openHouse()
  host = await house.guest('Hana')
  stranger = await house.guest('Stranger')
  id = await house.space(host)
  house.ingest.asked.length = 0
})
afterEach(() => {
  house.ingest.reply = undefined
  house.ingest.asked.length = 0
})
afterAll(() => house.close())

const OFFER = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n'
const FRAGMENT = 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n'
const join = (
  body = OFFER,
  type = 'application/sdp',
  token: string | undefined = host.token,
  space = id,
  query = '',
) => house.ask('POST', `/api/spaces/${space}/whip${query}`, { body, type, ...(token && { token }) })
const trickle = (
  session: string,
  body = FRAGMENT,
  type = 'application/trickle-ice-sdpfrag',
  { token } = host,
) => house.ask('PATCH', session, { body, type, token })
const refusal = (status: number, code: string) => () => ({
  status,
  text: JSON.stringify({ error: { code, message: 'A sentence of the ingest node.' } }),
})

describe('POST', () => {
  test('an offer is handed to the ingest node, and its answer comes back as WHIP wants it', async () => {
    const answer = await join(OFFER, 'application/sdp; charset=utf-8')
    expect(answer.status).toBe(201)
    expect(answer.headers.get('content-type')).toMatch(/^application\/sdp/)
    expect(answer.headers.get('location')).toBe(`/api/spaces/${id}/whip/${host.user.id}-abcdefgh2345`)
    expect(answer.text).toBe('v=0\r\nanswer')
    expect(house.ingest.asked).toEqual([
      {
        method: 'POST',
        path: `/spaces/${id}/sessions`,
        authorization: 'Bearer between api and ingest',
        body: { sdp: OFFER, speaker: { ...host.user, role: 'host' } },
      },
    ])
  })

  test('a speaker speaks under his role', async () => {
    const ben = await house.speaker(host, id)
    expect((await join(OFFER, 'application/sdp', ben.token)).status).toBe(201)
    expect(house.ingest.asked.at(-1)!.body).toMatchObject({ speaker: { ...ben.user, role: 'speaker' } })
  })

  test('whether it is a voice or music stands in the URL, which every WHIP client can be given', async () => {
    const as = (query: string) => join(OFFER, 'application/sdp', host.token, id, query)
    expect((await as('?sound=music')).status).toBe(201)
    expect(house.ingest.asked.at(-1)!.body).toMatchObject({ sound: 'music' })
    expect(await as('?sound=noise')).toMatchObject({ status: 400, code: 'bad_input' })
  })

  test('64 KiB of SDP are taken, a byte more is too large', async () => {
    const long = OFFER.padEnd(64 * 1024, 'x')
    expect((await join(long)).status).toBe(201)
    expect(await join(`${long}x`)).toMatchObject({ status: 413, code: 'too_large' })
  })

  test('what is wrong is said before the ingest node hears of it', async () => {
    expect(await join('')).toMatchObject({ status: 400, code: 'bad_sdp' })
    expect(await join(OFFER, 'text/plain')).toMatchObject({ status: 415, code: 'unsupported_media_type' })
    expect(await join('{}', 'application/json')).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
    expect(await join(OFFER, 'application/sdp', stranger.token)).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    const nobody = await join(OFFER, 'application/sdp', '')
    expect(nobody).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
    expect(await join(OFFER, 'application/sdp', host.token, 'nosuchspace')).toMatchObject({ status: 404 })
    expect(house.ingest.asked).toEqual([])
  })

  test('a space that is not live has no stage', async () => {
    const other = await house.space(host, 'scheduled')
    const dial = () => join(OFFER, 'application/sdp', host.token, other)
    expect(await dial()).toMatchObject({ status: 409, code: 'not_live' })
    await house.ask('POST', `/api/spaces/${other}/start`, { token: host.token })
    expect((await dial()).status).toBe(201)
    await house.ask('POST', `/api/spaces/${other}/end`, { token: host.token })
    expect(await dial()).toMatchObject({ status: 409, code: 'already_ended' })
  })
})

describe('what the ingest node says', () => {
  test.each([
    [400, 'bad_sdp'],
    [409, 'stage_full'],
    [413, 'too_large'],
    [422, 'no_opus'],
    [500, 'internal'],
    [503, 'busy'],
  ])('%i %s is handed on with its sentence', async (status, code) => {
    house.ingest.reply = refusal(status, code)
    const answer = await join()
    expect(answer).toMatchObject({ status, code })
    expect(answer.text).toContain('A sentence of the ingest node.')
  })

  test.each([
    ['no JSON', { status: 201, text: '<html>' }],
    ['nothing', { status: 201, text: '' }],
    ['another shape', { status: 201, text: '{"sdp":1}' }],
    ['a page of a proxy', { status: 500, text: '<html>oops</html>' }],
    [
      'a session that is not named after the user',
      { status: 201, text: '{"session":"x\\r\\ny","sdp":"v=0"}' },
    ],
    ['somebody else’s session', { status: 201, text: '{"session":"someoneelse-abcdefgh","sdp":"v=0"}' }],
    [
      'that our own password is wrong',
      { status: 401, text: '{"error":{"code":"unauthorized","message":"No."}}' },
    ],
  ])('%s is 502: neither our fault nor the client’s, whose token stays good', async (_what, reply) => {
    house.ingest.reply = () => reply
    const answer = await join()
    expect(answer).toMatchObject({ status: 502, code: 'ingest_failed' })
    expect(answer.headers.get('www-authenticate')).toBeNull()
    expect(answer.headers.get('location')).toBeNull()
  })

  test('silence is 503, with a time to try again', async () => {
    const { url } = house.ingest
    house.ingest.url = await deadUrl()
    for (const answer of [await join(), await trickle(`/api/spaces/${id}/whip/${host.user.id}-abcdefgh`)]) {
      expect(answer).toMatchObject({ status: 503, code: 'ingest_unreachable' })
      expect(answer.headers.get('retry-after')).toBe('2')
    }
    house.ingest.url = url
    expect((await house.ask('GET', `/api/spaces/${id}`)).body).toMatchObject({ state: 'live' })
  })
})

describe('a session', () => {
  const session = () => `/api/spaces/${id}/whip/${host.user.id}-abcdefgh2345`

  test('takes trickled candidates: 204', async () => {
    expect((await trickle(session())).status).toBe(204)
    expect(house.ingest.asked).toMatchObject([
      {
        method: 'PATCH',
        path: `/spaces/${id}/sessions/${host.user.id}-abcdefgh2345`,
        body: { fragment: FRAGMENT },
      },
    ])
  })

  test('answers an ICE restart with the server’s fragment: 200', async () => {
    house.ingest.reply = () => ({ status: 200, text: '{"fragment":"a=ice-ufrag:new\\r\\n"}' })
    const answer = await trickle(session())
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^application\/trickle-ice-sdpfrag/)
    expect(answer.text).toBe('a=ice-ufrag:new\r\n')
  })

  test('is left by DELETE: exactly 200, which OBS wants', async () => {
    const answer = await house.ask('DELETE', session(), { token: host.token })
    expect(answer).toMatchObject({ status: 200, text: '' })
    expect(house.ingest.asked).toMatchObject([{ method: 'DELETE' }])
  })

  test('belongs to who made it', async () => {
    const { token } = stranger
    expect(await house.ask('DELETE', session(), { token })).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await trickle(session(), FRAGMENT, undefined, stranger)).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect((await house.ask('DELETE', session())).status).toBe(401)
    for (const name of ['abc', `${host.user.id}-..%2f..`, `${host.user.id}-`, `${host.user.id}-ABCDEFGH`])
      expect(
        await house.ask('DELETE', `/api/spaces/${id}/whip/${name}`, { token: host.token }),
        name,
      ).toMatchObject({ status: 404, code: 'unknown_session' })
    expect(house.ingest.asked).toEqual([])
  })

  test('takes fragments alone', async () => {
    expect(await trickle(session(), OFFER, 'application/sdp')).toMatchObject({ status: 415 })
    expect(await trickle(session(), '{}', 'application/json')).toMatchObject({ status: 415 })
    expect(await trickle(session(), '')).toMatchObject({ status: 400, code: 'bad_sdp' })
    expect(await trickle(session(), 'x'.repeat(64 * 1024 + 1))).toMatchObject({
      status: 413,
      code: 'too_large',
    })
    expect(house.ingest.asked).toEqual([])
  })
})

test('OPTIONS says what is taken, to a page from anywhere', async () => {
  const { status, headers } = await house.ask('OPTIONS', `/api/spaces/${id}/whip`)
  expect(status).toBe(204)
  expect(headers.get('accept-post')).toBe('application/sdp')
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(headers.get('access-control-allow-methods')).toMatch(/PATCH.*DELETE/)
  expect(headers.get('access-control-allow-headers')).toContain('authorization')
  const exposed = (await join()).headers.get('access-control-expose-headers')!.toLowerCase()
  for (const header of ['location', 'link', 'etag']) expect(exposed).toContain(header)
})
