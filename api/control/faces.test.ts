import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InboxEvent } from '@odeon/common/events.ts'
import { Face, faceDocumentKey, faceKey, MAX_PICTURE_BYTES, type FaceDocument } from '@odeon/common/face.ts'
import { inboxKey, roomKey } from '@odeon/common/keys.ts'
import { FIRST } from '@odeon/common/ports.ts'
import type { RoomState } from '@odeon/common/room.ts'
import { openHouse, type Guest, type House } from './harness.ts'
import { look, pictureOf, pngOf, turned } from './testing/pictures.ts'

let house: House
let jpeg: Buffer
beforeAll(async () => {
  house = await openHouse({ limits: { sessions: 1e6, pictures: 1e6 } })
  jpeg = await pictureOf('jpeg')
})
afterAll(() => house.close())

const send = async (
  body: Uint8Array | string,
  { token }: { token?: string },
  headers: Record<string, string> = { 'content-type': 'image/jpeg' },
) => {
  const response = await fetch(`${house.url}/api/me/face`, {
    method: 'PUT',
    body: body as BodyInit,
    headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
  })
  const answer = (await response.json()) as { face?: string; error?: { code: string; message: string } }
  return { status: response.status, face: answer.face, ...answer.error }
}
const remove = ({ token }: Guest) => house.ask('DELETE', '/api/me/face', { token })
const stored = ({ user }: Guest, face: string | undefined) =>
  house.ports.objects.get(faceKey(user.id, face ?? ''))
/** What the mixer of a space was told of faces. */
const told = async (space: string): Promise<InboxEvent[]> =>
  (await house.ports.log.read(inboxKey(space), FIRST))
    .map(({ body }) => JSON.parse(new TextDecoder().decode(body)) as InboxEvent)
    .filter(({ type }) => type === 'face')

describe('a picture becomes a face', () => {
  test.each(['jpeg', 'png', 'webp'] as const)(
    'of a %s its square middle is kept, and nothing of where and by whom it was taken',
    async (kind) => {
      const picture = await pictureOf(kind)
      expect(await look(picture)).toMatchObject({ format: kind, annotated: true })
      const ana = await house.guest()
      const { status, face } = await send(picture, ana)
      expect(status).toBe(200)
      expect(Face.safeParse(face).success).toBe(true)
      const kept = (await stored(ana, face))!
      const seen = await look(kept)
      expect(seen).toMatchObject({ format: 'webp', width: 256, height: 256, annotated: false })
      expect(Buffer.from(kept).toString('latin1')).not.toMatch(/exif|gps|secret/i)
      const [left, right] = [seen.at(20, 128), seen.at(236, 128)]
      expect([left[0]! > 200, left[2]! < 50, right[0]! < 50, right[2]! > 200]).toEqual(Array(4).fill(true))
    },
  )

  test('what hides behind a picture, a page or an archive, is left behind', async () => {
    const ana = await house.guest()
    const hidden = Buffer.from('<html><script>alert("hidden")</script></html>PK\x03\x04hidden')
    const { status, face } = await send(Buffer.concat([jpeg, hidden]), ana)
    expect(status).toBe(200)
    expect(Buffer.from((await stored(ana, face))!).toString('latin1')).not.toMatch(/hidden|script/)
  })

  test('it stands upright, however the camera was held', async () => {
    const ana = await house.guest()
    const { face } = await send(await turned(jpeg, 6), ana)
    const seen = await look((await stored(ana, face))!)
    expect([seen.at(128, 20)[0]! > 200, seen.at(128, 236)[2]! > 200]).toEqual([true, true])
  })

  test('what it is called does not matter, only what it is', async () => {
    const ana = await house.guest()
    expect((await send(await pictureOf('png'), ana, { 'content-type': 'image/svg+xml' })).status).toBe(200)
  })
})

describe('what is no picture is refused, and nothing is kept of it', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
  test.each<[string, () => Uint8Array | Promise<Uint8Array>, number, string]>([
    ['an SVG', () => Buffer.from(svg), 415, 'unsupported_media_type'],
    ['a GIF', () => Buffer.from('GIF89a\x01\0\x01\0\0\0\0;'), 415, 'unsupported_media_type'],
    ['nothing', () => Buffer.alloc(0), 415, 'unsupported_media_type'],
    ['random bytes', () => randomBytes(5000), 415, 'unsupported_media_type'],
    [
      'random bytes that begin like a JPEG',
      () => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), randomBytes(5000)]),
      422,
      'bad_picture',
    ],
    [
      'an SVG that begins like a PNG',
      () => Buffer.from(`\x89PNG\r\n\x1a\n${svg}`, 'latin1'),
      422,
      'bad_picture',
    ],
    ['a JPEG that breaks off', () => jpeg.subarray(0, jpeg.length - 500), 422, 'bad_picture'],
    ['a PNG of 30 000 × 30 000 pixels in a kilobyte', () => pngOf(30_000, 30_000), 422, 'bad_picture'],
    ['two megabytes and a byte', () => Buffer.alloc(MAX_PICTURE_BYTES + 1, jpeg), 413, 'too_large'],
  ])('%s', async (_what, body, status, code) => {
    const ana = await house.guest()
    const answer = await send(await body(), ana)
    expect(answer).toMatchObject({ status, code })
    expect(await house.ports.objects.list(`faces/${ana.user.id}/`)).toEqual([])
  })

  test('more than two megabytes that come without saying how many', async () => {
    const ana = await house.guest()
    const pieces = Array.from({ length: 40 }, () => new Uint8Array(100_000))
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.pop()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
    })
    const answer = await fetch(`${house.url}/api/me/face`, {
      method: 'PUT',
      body,
      headers: { authorization: `Bearer ${ana.token}`, 'content-type': 'image/png' },
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(413)
  })

  test('JSON, and a body that is compressed', async () => {
    const ana = await house.guest()
    const refused = { status: 415, code: 'unsupported_media_type' }
    expect(await send('{}', ana, { 'content-type': 'application/json' })).toMatchObject(refused)
    expect(await send(jpeg, ana, { 'content-encoding': 'gzip' })).toMatchObject(refused)
  })

  test('without a token', async () => {
    expect(await send(jpeg, {})).toMatchObject({ status: 401, code: 'unauthorized' })
    expect((await house.ask('DELETE', '/api/me/face')).status).toBe(401)
  })

  test('the eleventh within a minute', async () => {
    const ana = await house.guest()
    for (let n = 0; n < 10; n++) expect((await send('x', ana)).status).toBe(415)
    expect(await send(jpeg, ana)).toMatchObject({ status: 429, code: 'too_many' })
  })
})

test('uploads that do not end hold their places only until their clients go', async () => {
  const stuck = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const { token } = await house.guest()
      const socket = connect(Number(new URL(house.url).port), '127.0.0.1')
      socket.write(
        `PUT /api/me/face HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
          'content-type: image/png\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n',
      )
      await new Promise((resolve) => socket.once('data', resolve)) // It is being handled.
      return socket
    }),
  )
  const next = async () => (await send(jpeg, await house.guest())).status
  await expect.poll(next, { timeout: 10_000 }).toBe(503)
  for (const socket of stuck) socket.destroy()
  await expect.poll(next, { timeout: 10_000 }).toBe(200)
})

describe('a face goes where its owner is seen', () => {
  test('it is told with his offer, also when he only waits', async () => {
    const [host, ana] = [await house.guest('Hana'), await house.guest()]
    const space = await house.space(host)
    const { face } = await send(jpeg, ana)
    const join = async (who: Guest, query = '') => {
      house.ingest.asked.length = 0
      const path = `/api/spaces/${space}/whip${query}`
      await house.ask('POST', path, { token: who.token, body: 'v=0\r\n', type: 'application/sdp' })
      return (house.ingest.asked[0]!.body as { speaker: object }).speaker
    }
    expect(await join(host)).toEqual({ ...host.user, role: 'host' })
    expect(await join(ana, '?ready=1')).toEqual({ ...ana.user, role: 'listener', face })
    await remove(ana)
    expect(await join(ana, '?ready=1')).toEqual({ ...ana.user, role: 'listener' })
  })

  test('changed while he may speak, it is told to the mixers of his live spaces, and to no other', async () => {
    const host = await house.guest('Hana')
    const spaces = [await house.space(host), await house.space(host)]
    const others = [await house.space(host, 'scheduled'), await house.space(await house.guest('Ben'))]
    const { face } = await send(jpeg, host)
    await remove(host)
    await remove(host) // There is none any more.
    for (const space of spaces)
      expect(await told(space)).toEqual([
        { type: 'face', id: host.user.id, face },
        { type: 'face', id: host.user.id, face: null },
      ])
    for (const space of others) expect(await told(space)).toEqual([])
  })

  test('the one before is deleted, and so is the last when he takes it away', async () => {
    const ana = await house.guest()
    const first = await send(jpeg, ana)
    const second = await send(jpeg, ana)
    expect(second.face).not.toBe(first.face)
    expect(await stored(ana, first.face)).toBeUndefined()
    expect(await stored(ana, second.face)).toBeDefined()
    expect((await remove(ana)).status).toBe(204)
    expect(await house.ports.objects.list(`faces/${ana.user.id}/`)).toEqual([])
  })

  test('who is seen with his face is known to be alive: written down once a week at most', async () => {
    const [host, ana] = [await house.guest('Hana'), await house.guest()]
    const space = await house.space(host)
    await send(jpeg, ana)
    const dial = () =>
      house.ask('POST', `/api/spaces/${space}/whip?ready=1`, {
        token: ana.token,
        body: 'v=0\r\n',
        type: 'application/sdp',
      })
    const seen = async () => {
      const { value, version } = (await house.ports.store.get(faceDocumentKey(ana.user.id)))!
      return [(value as FaceDocument).at, version]
    }
    const start = house.clock.now
    house.clock.now = start + 6 * 24 * 3600_000
    await dial()
    expect(await seen()).toEqual([start, 1])
    house.clock.now = start + 8 * 24 * 3600_000
    await dial()
    expect(await seen()).toEqual([house.clock.now, 2])
  })

  test('a host takes away the picture of who is on his stage: it is gone for all, and from the recording', async () => {
    const [host, ana] = [await house.guest('Hana'), await house.guest()]
    const space = await house.space(host)
    const { face } = await send(jpeg, ana)
    const path = `/api/spaces/${space}/speakers/${ana.user.id}/face`
    expect((await house.ask('DELETE', path, { token: host.token })).code).toBe('unknown_person') // Was never here.
    expect(await stored(ana, face)).toBeDefined()
    await house.ask('PATCH', `/api/spaces/${space}`, { token: host.token, body: { policy: 'everyone' } })
    await house.ask('POST', `/api/spaces/${space}/speakers`, { token: ana.token, body: {} })
    for (let time = 0; time < 2; time++)
      expect((await house.ask('DELETE', path, { token: host.token })).status).toBe(204) // Twice is as once.
    expect(await told(space)).toEqual([{ type: 'face', id: ana.user.id, face: null }])
    expect(await stored(ana, face)).toBeUndefined()
  })

  test('the picture of who was banned, and of who only raises his hand, can be taken away too', async () => {
    const [host, ana, ben] = [await house.guest('Hana'), await house.guest(), await house.guest('Ben')]
    const space = await house.space(host)
    const { face } = await send(jpeg, ana)
    const bens = await send(jpeg, ben)
    await house.ask('PUT', `/api/spaces/${space}/bans/${ana.user.id}`, { token: host.token, body: {} })
    const state: RoomState = {
      changes: 0,
      inbox: { major: 0, minor: 0 },
      members: [],
      talking: [],
      hands: [{ ...ben.user, at: 0, ready: true, face: bens.face! }],
      sample: [],
    }
    await house.ports.log.add(roomKey(space), new TextEncoder().encode(JSON.stringify(state)))
    for (const { user } of [ana, ben]) {
      const path = `/api/spaces/${space}/speakers/${user.id}/face`
      expect((await house.ask('DELETE', path, { token: host.token })).status).toBe(204)
    }
    expect([await stored(ana, face), await stored(ben, bens.face)]).toEqual([undefined, undefined])
  })

  test('two pictures sent at once leave one', async () => {
    const ana = await house.guest()
    const sent = await Promise.all([1, 2, 3].map(() => send(jpeg, ana)))
    expect(sent.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await house.ports.objects.list(`faces/${ana.user.id}/`)).toHaveLength(1)
  })
})
