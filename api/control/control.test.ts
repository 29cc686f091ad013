import { createServer, connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, type Guest, type House } from './harness.ts'

/** What holds for every route of the control plane. */

let house: House
let host: Guest
beforeAll(async () => {
  house = await openHouse()
  host = await house.guest('Hana')
})
afterAll(() => house.close())

test.each([
  ['GET', '/api'],
  ['GET', '/api/nothing'],
  ['POST', '/api/spaces/abcdefgh/nothing'],
  ['GET', '/api/%zz'],
  ['GET', '/api//spaces'],
])('%s %s is 404 in the shape of every error', async (method, path) => {
  const answer = await house.ask(method, path)
  expect(answer).toMatchObject({ status: 404, code: 'not_found' })
  expect(answer.body).toEqual({ error: { code: 'not_found', message: expect.stringContaining(path) } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
})

test.each([
  ['GET', '/api/session', 'POST'],
  ['PUT', '/api/spaces', 'POST'],
  ['DELETE', '/api/spaces/abcdefgh', 'GET'],
  ['GET', '/api/spaces/abcdefgh/start', 'POST'],
  ['GET', '/api/spaces/abcdefgh/whip', 'POST'],
  ['PROPFIND', '/api/spaces', 'GET'],
])('%s %s is 405, and Allow names %s', async (method, path, allowed) => {
  const answer = await house.ask(method, path)
  expect(answer).toMatchObject({ status: 405, code: 'method_not_allowed' })
  expect(answer.headers.get('allow')).toContain(allowed)
})

test('HEAD is answered like GET, without a body', async () => {
  const answer = await house.ask('HEAD', '/api/spaces')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('cache-control')).toBe('public, max-age=1')
})

describe('a JSON body', () => {
  const session = (body: string, type?: string, headers?: Record<string, string>) =>
    house.ask('POST', '/api/session', { body, ...(type && { type }), ...(headers && { headers }) })

  test.each([
    ['torn', '{"name":', 400, 'bad_json'],
    ['a bare string', '"Ana"', 400, 'bad_json'],
    ['null', 'null', 400, 'bad_json'],
    ['empty', '', 400, 'bad_input'],
    ['larger than 16 kB', JSON.stringify({ name: 'x'.repeat(17_000) }), 413, 'too_large'],
    ['a hidden prototype', '{"__proto__":{"name":"Ana"}}', 400, undefined],
  ])('that is %s', async (_what, body, status, code) => {
    const answer = await session(body)
    expect(answer.status).toBe(status)
    if (code) expect(answer.code).toBe(code)
    expect(answer.text).not.toMatch(/at .*\.[jt]s|node_modules/)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/sdp',
    'multipart/form-data',
    'nonsense',
  ])('of the type %s is 415', async (type) => {
    expect(await session('{"name":"Ana"}', type)).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
  })

  test('in a charset is read', async () => {
    expect((await session('{"name":"Ana"}', 'application/json; charset=utf-8')).status).toBe(201)
  })

  test('that is compressed is read, up to the same size, and refused when it is not what it says', async () => {
    const send = async (body: string | Buffer<ArrayBuffer>, encoding: string) =>
      (
        await fetch(`${house.url}/api/session`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-encoding': encoding },
          body,
        })
      ).status
    expect(await send(gzipSync('{"name":"Ana"}'), 'gzip')).toBe(201)
    expect(await send(gzipSync(`{"name":"${' '.repeat(10_000_000)}"}`), 'gzip')).toBe(413)
    expect(await send('{"name":"Ana"}', 'gzip')).toBe(400)
    expect(await send('{"name":"Ana"}', 'sdch')).toBe(415)
  })
})

test('a request that breaks off in the middle hurts nobody', async () => {
  const { port } = new URL(house.url)
  const socket = connect(Number(port), '127.0.0.1')
  const type = 'content-type: application/json'
  socket.write(`POST /api/session HTTP/1.1\r\nhost: x\r\n${type}\r\ncontent-length: 100\r\n\r\n{"name":`)
  await new Promise<void>((resolve) => socket.write('"A', () => resolve()))
  socket.destroy()
  expect((await house.ask('GET', '/api/spaces')).status).toBe(200)
})

describe('too many new things from one address', () => {
  const limits = { sessions: 3, spaces: 2 }

  test('are 429 with a time to try again; a known guest and other routes are not met by it', async () => {
    const small = await openHouse({ limits })
    try {
      const guests = [await small.guest('a'), await small.guest('b'), await small.guest('c')]
      const { token } = guests[0]!
      const fourth = await small.ask('POST', '/api/session', { body: { name: 'd' } })
      expect(fourth).toMatchObject({ status: 429, code: 'too_many' })
      expect(fourth.headers.get('retry-after')).toBe('60')
      expect((await small.ask('POST', '/api/session', { token, body: { name: 'A' } })).status).toBe(201)
      const open = () => small.ask('POST', '/api/spaces', { token, body: { title: 'A talk' } })
      expect([await open(), await open(), await open()].map(({ status }) => status)).toEqual([201, 201, 429])
      expect((await small.ask('GET', '/api/spaces')).status).toBe(200)
    } finally {
      await small.close()
    }
  })
})

describe('HTTP/2', () => {
  const server = createServer()
  let client: ClientHttp2Session
  beforeAll(async () => {
    server.on('request', (request, response) => house.control.handle(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
  afterAll(() => {
    client.close()
    server.close()
  })

  /** Sends no content-length: HTTP/2 needs none. */
  const ask = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
      const stream = client.request({ ':method': method, ':path': path, ...headers })
      let text = ''
      let answered: Record<string, unknown> = {}
      stream.on('response', (received) => (answered = received))
      stream.setEncoding('utf8').on('data', (data: string) => (text += data))
      stream.on('end', () => resolve({ status: answered[':status'] as number, headers: answered, text }))
      stream.on('error', reject)
      stream.end(body)
    })

  test('bodies without a length are read, JSON as well as SDP', async () => {
    const json = { 'content-type': 'application/json' }
    const created = await ask('POST', '/api/session', json, '{"name":"Ana"}')
    expect(created).toMatchObject({ status: 201, text: expect.stringContaining('"name":"Ana"') as string })
    expect((await ask('POST', '/api/session', json, '{')).status).toBe(400)
    expect((await ask('POST', '/api/session', json, `{"name":"${'x'.repeat(20_000)}"}`)).status).toBe(413)
    const id = await house.space(host)
    const sdp = { 'content-type': 'application/sdp', authorization: `Bearer ${host.token}` }
    const joined = await ask('POST', `/api/spaces/${id}/whip`, sdp, 'v=0\r\n')
    expect(joined).toMatchObject({ status: 201, text: 'v=0\r\nanswer' })
    const session = joined.headers['location'] as string
    expect((await ask('DELETE', session, { authorization: `Bearer ${host.token}` })).status).toBe(200)
    expect((await ask('GET', '/api/nothing', {})).status).toBe(404)
  })
})

test('requests are counted by method and status', async () => {
  expect(await house.registry.metrics()).toMatch(
    /^odeon_api_requests_total\{method="GET",status="404"\} [1-9]/m,
  )
})
