import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SignJWT } from 'jose'
import { call, newGuest, openSpace, type Guest } from './client.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'

/** The public HTTP of a whole Odeon: what is asked wrongly gets the right status and a sentence, and hurts nobody. */

let odeon: OdeonProcess
let space: string
let host: Guest
let stranger: Guest
const SECRET = 'a secret that only this test knows, 32+'

beforeAll(async () => {
  odeon = await startOdeonProcess({ env: { ODEON_SECRET: SECRET } })
  ;({ id: space, host } = await openSpace(odeon.url, 'Bad input'))
  stranger = await newGuest(odeon.url, 'Stranger')
})
afterAll(() => odeon?.remove())

const raw = async (
  path: string,
  init: RequestInit & { type?: string; token?: string } = {},
): Promise<{ status: number; code: string; message: string; headers: Headers }> => {
  const response = await fetch(odeon.url + path, {
    ...init,
    headers: {
      ...(init.type && { 'content-type': init.type }),
      ...(init.token && { authorization: `Bearer ${init.token}` }),
    },
  })
  const text = await response.text()
  const error = text.startsWith('{"error"')
    ? (JSON.parse(text) as { error: { code: string; message: string } }).error
    : undefined
  return {
    status: response.status,
    code: error?.code ?? '',
    message: error?.message ?? '',
    headers: response.headers,
  }
}
const post = (path: string, body: string, type = 'application/json', token?: string) =>
  raw(path, { method: 'POST', body, type, ...(token && { token }) })

const AUDIO = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
]
const SECURE = [
  'a=ice-ufrag:abcd',
  'a=ice-pwd:0123456789012345678901',
  'a=setup:actpass',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
]
const VIDEO = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=mid:1',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:96 VP8/90000',
]
const sdp = (...lines: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', ...lines, ''].join('\r\n')

describe('JSON', () => {
  test.each([
    ['what is no JSON', '{', 'application/json', 400, 'bad_json'],
    ['a string', '"Ana"', 'application/json', 400, 'bad_json'],
    ['the wrong type of a field', '{"name":7}', 'application/json', 400, 'bad_input'],
    ['a missing field', '{}', 'application/json', 400, 'bad_input'],
    ['an empty name', '{"name":"   "}', 'application/json', 400, 'bad_input'],
    ['a long name', JSON.stringify({ name: 'x'.repeat(41) }), 'application/json', 400, 'bad_input'],
    ['an invisible name', '{"name":"\\u200d"}', 'application/json', 400, 'bad_input'],
    ['text turned around', '{"name":"a\\u202eb"}', 'application/json', 400, 'bad_input'],
    ['control characters', '{"name":"a\\u0000b"}', 'application/json', 400, 'bad_input'],
    ['too much', JSON.stringify({ name: 'x'.repeat(100_000) }), 'application/json', 413, 'too_large'],
    ['a form', 'name=Ana', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
  ])('%s', async (_what, body, type, status, code) => {
    const answer = await post('/api/session', body, type)
    expect(answer).toMatchObject({ status, code })
    expect(answer.message).toMatch(/\S/)
  })
})

describe('tokens', () => {
  const sign = (secret: string, expires: string): Promise<string> =>
    new SignJWT({ name: 'Eve' })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(host.user.id)
      .setIssuer('odeon')
      .setExpirationTime(expires)
      .sign(new TextEncoder().encode(secret))

  test('without a token, or with a bad, expired or foreign one, nothing is opened', async () => {
    const tokens = [
      undefined,
      'nonsense',
      await sign(SECRET, '-1 minute'),
      await sign('x'.repeat(40), '1 hour'),
    ]
    for (const token of tokens) {
      const answer = await post('/api/spaces', '{"title":"Mine"}', 'application/json', token)
      expect(answer).toMatchObject({ status: 401, code: 'unauthorized' })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('a name is changed without losing the identity', async () => {
    const renamed = await call<Guest>(`${odeon.url}/api/session`, 'POST', { name: 'New' }, stranger.token)
    expect(renamed.body.user).toEqual({ id: stranger.user.id, name: 'New' })
  })
})

describe('spaces', () => {
  test('an unknown space is 404 everywhere, a malformed id 400', async () => {
    expect(await raw('/api/spaces/nosuchspace')).toMatchObject({ status: 404, code: 'unknown_space' })
    expect(await raw('/api/spaces/..%2f..%2fetc')).toMatchObject({ status: 400, code: 'bad_input' })
    expect((await raw('/live/nosuchspace/index.m3u8')).status).toBe(404)
    expect((await raw('/live/nosuchspace/aac/index.m3u8')).status).toBe(404)
    expect((await raw('/replay/nosuchspace/index.m3u8')).status).toBe(404)
    expect((await post('/api/spaces/nosuchspace/start', '{}', 'application/json', host.token)).status).toBe(
      404,
    )
  })

  test('a second start, and an end by a stranger, are refused; a second end too', async () => {
    const { id, host } = await openSpace(odeon.url, 'Twice')
    const act = (what: string, token: string) => raw(`/api/spaces/${id}/${what}`, { method: 'POST', token })
    expect(await act('start', host.token)).toMatchObject({ status: 409, code: 'already_started' })
    expect(await act('end', stranger.token)).toMatchObject({ status: 403, code: 'forbidden' })
    expect((await act('end', host.token)).status).toBe(200)
    expect(await act('end', host.token)).toMatchObject({ status: 409, code: 'already_ended' })
    expect(await act('start', host.token)).toMatchObject({ status: 409, code: 'already_ended' })
  })

  test('a speaker link lets exactly one who has it onto the stage of its space', async () => {
    const { body } = await call<{ code: string }>(
      `${odeon.url}/api/spaces/${space}/invites`,
      'POST',
      { role: 'speaker' },
      host.token,
    )
    const take = (id: string, invite: string, token: string) =>
      post(`/api/spaces/${id}/speakers`, JSON.stringify({ invite }), 'application/json', token)
    const other = await openSpace(odeon.url, 'Other')
    expect(await take(other.id, body.code, stranger.token)).toMatchObject({ status: 403, code: 'bad_invite' })
    expect(await take(space, 'x'.repeat(24), stranger.token)).toMatchObject({
      status: 403,
      code: 'bad_invite',
    })
    expect(await take(space, 'short', stranger.token)).toMatchObject({ status: 400, code: 'bad_input' })
    expect((await take(space, body.code, stranger.token)).status).toBe(200)
    const me = await call<{ role: string }>(
      `${odeon.url}/api/spaces/${space}/me`,
      'GET',
      undefined,
      stranger.token,
    )
    expect(me.body.role).toBe('speaker')
    expect(
      await post(`/api/spaces/${space}/invites`, '{"role":"speaker"}', 'application/json', stranger.token),
    ).toMatchObject({ status: 403 })
    await raw(`/api/spaces/${space}/speakers/${stranger.user.id}`, { method: 'DELETE', token: host.token })
  })

  test('only the host mutes others', async () => {
    const mute = (user: string, token: string) =>
      post(`/api/spaces/${space}/speakers/${user}/mute`, '{"muted":true}', 'application/json', token)
    expect(await mute(host.user.id, stranger.token)).toMatchObject({ status: 403, code: 'forbidden' })
    expect(await mute(stranger.user.id, stranger.token)).toMatchObject({ status: 403, code: 'forbidden' })
    expect((await mute(host.user.id, host.token)).status).toBe(204)
  })
})

describe('WHIP', () => {
  const whip = (body: string, type = 'application/sdp', token = host.token) =>
    post(`/api/spaces/${space}/whip`, body, type, token)

  test.each([
    ['what is no SDP', 'hello', 400, 'bad_sdp'],
    ['an empty body', '', 400, 'bad_sdp'],
    ['a torn offer', sdp(...AUDIO), 400, 'bad_sdp'],
    [
      'garbage in the right places',
      sdp(...AUDIO, 'a=ice-ufrag:\u{1f600}', 'a=ice-pwd:', 'a=fingerprint:x'),
      400,
      'bad_sdp',
    ],
    ['a huge offer', sdp(...AUDIO, ...SECURE, `a=x:${'y'.repeat(80_000)}`), 413, 'too_large'],
    ['no audio', sdp(...VIDEO, ...SECURE), 422, 'no_audio'],
    ['no Opus', sdp(AUDIO[0]!.replace('111', '0'), 'a=rtpmap:0 PCMU/8000', ...SECURE), 422, 'no_opus'],
  ])('%s', async (_what, offer, status, code) => {
    expect(await whip(offer)).toMatchObject({ status, code })
  })

  test('an offer with video as well is answered: the audio is taken, the video is not', async () => {
    const response = await fetch(`${odeon.url}/api/spaces/${space}/whip`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', authorization: `Bearer ${host.token}` },
      body: sdp('a=group:BUNDLE 0 1', ...AUDIO, ...SECURE, ...VIDEO, ...SECURE),
    })
    const answer = await response.text()
    expect(response.status).toBe(201)
    expect(response.headers.get('content-type')).toContain('application/sdp')
    expect(answer).toMatch(/^m=audio 9 /m)
    expect(answer).toMatch(/^m=video 0 /m)
    const session = response.headers.get('location')!
    const end = (token: string) => raw(session, { method: 'DELETE', token })
    expect(await end(stranger.token)).toMatchObject({ status: 403, code: 'forbidden' })
    const fragment = (body: string, type = 'application/trickle-ice-sdpfrag') =>
      raw(session, { method: 'PATCH', body, type, token: host.token })
    expect((await fragment('a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n')).status).toBe(204)
    expect((await fragment('', 'text/html')).status).toBe(415)
    expect(await fragment('a=ice-ufrag:new\r\na=ice-pwd:new\r\n')).toMatchObject({
      status: 422,
      code: 'ice_restart_unsupported',
    })
    expect((await end(host.token)).status).toBe(200)
    expect((await end(host.token)).status).toBe(200)
  })

  test('listeners, strangers and other types are turned away', async () => {
    const offer = sdp(...AUDIO, ...SECURE)
    expect(await whip(offer, 'application/sdp', stranger.token)).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect(await whip(offer, 'text/plain')).toMatchObject({ status: 415, code: 'unsupported_media_type' })
    expect(await raw(`/api/spaces/${space}/whip/abc`, { method: 'DELETE', token: host.token })).toMatchObject(
      { status: 404 },
    )
    expect((await raw(`/api/spaces/${space}/whip`, { method: 'PUT' })).status).toBe(405)
    const options = await raw(`/api/spaces/${space}/whip`, { method: 'OPTIONS' })
    expect(options.headers.get('accept-post')).toBe('application/sdp')
    expect(options.headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('the listening path', () => {
  test('path tricks lead nowhere', async () => {
    for (const path of [
      `/live/${space}/aac/../../../../etc/passwd`,
      `/live/${space}/aac/..%2f..%2fodeon.sqlite`,
      `/live/${space}/aac/%2e%2e/secret.m4s`,
      `/live/${space}/aac/1%00.m4s`,
      `/live/${space}/aac/-1.m4s`,
      `/live/${space}/aac/1.5.5.m4s`,
      `/live/${space}/aac/99999999999999999999.m4s`,
      `/replay/..%2f..%2fsecret/index.m3u8`,
      `/replay/${space}/aac/..%2f..%2f..%2fodeon.sqlite`,
    ]) {
      const { status, text } = await plainGet(path)
      expect([400, 404], path).toContain(status)
      expect(text, path).not.toMatch(/root:|SQLite/)
    }
  })

  test('directives that are no numbers, or without their msn, are 400', async () => {
    await expect
      .poll(() => raw(`/live/${space}/aac/index.m3u8`).then(({ status }) => status), { timeout: 15_000 })
      .toBe(200)
    for (const query of [
      '_HLS_msn=abc',
      '_HLS_msn=1.5',
      '_HLS_msn=-1',
      '_HLS_part=1',
      '_HLS_msn=1&_HLS_part=x',
      '_HLS_msn=999999',
    ])
      expect((await raw(`/live/${space}/aac/index.m3u8?${query}`)).status, query).toBe(400)
    expect((await raw(`/live/${space}/aac/index.m3u8?_HLS_msn=0&_HLS_future=1`)).status).toBe(200)
  })

  test('another method, or another path, is told so', async () => {
    expect((await raw(`/live/${space}/index.m3u8`, { method: 'POST' })).status).toBe(405)
    expect(await raw('/api/nothing')).toMatchObject({ status: 404, code: 'not_found' })
    expect((await raw('/healthz')).status).toBe(200)
    expect((await raw('/readyz')).status).toBe(200)
  })

  /** `fetch` would tidy the path up. */
  const plainGet = (path: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(odeon.url)
      request({ host: hostname, port, path }, (response) => {
        let text = ''
        response.on('data', (data: Buffer) => (text += data.toString()))
        response.on('end', () => resolve({ status: response.statusCode!, text }))
      })
        .on('error', reject)
        .end()
    })
})

test('after all this the space is live and the process has printed no error', async () => {
  const { body } = await call<{ state: string }>(`${odeon.url}/api/spaces/${space}`, 'GET')
  expect(body.state).toBe('live')
  expect(odeon.output()).not.toMatch(/"level":(50|60)|Error/)
})
