import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Archive } from '@odeon/common/archive.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { aacInitKey, aacSegmentKey, archiveKey } from '@odeon/common/keys.ts'
import { errorOf, openStudio, SPACE, STARTED_AT, textOf, type Studio } from './harness.ts'
import { parseRange } from './replay.ts'

const REPLAY = `/replay/${SPACE}`
const segment = (msn: number) => Buffer.from(`[segment ${msn}]`.repeat(1000))
const WHOLE = Buffer.concat([aacInit(), segment(0), segment(2), segment(3)])

let studio: Studio
let storeAway = false

beforeEach(async () => {
  storeAway = false
  studio = await openStudio({
    wrapObjects: (objects) => ({
      ...objects,
      get: (...args) => (storeAway ? Promise.reject(new Error('away')) : objects.get(...args)),
    }),
  })
})
afterEach(() => studio.close())

const archive = (changes: Partial<Archive> = {}): Archive => ({
  v: 1,
  id: SPACE,
  title: 'Fünf nach acht: "Talk" / 8%',
  startedAt: STARTED_AT,
  durationMs: 6037,
  segments: [
    { msn: 0, frames: 90, bytes: segment(0).length },
    { msn: 1, frames: 90, bytes: 0, gap: true },
    { msn: 2, frames: 90, bytes: segment(2).length },
    { msn: 3, frames: 13, bytes: segment(3).length },
  ],
  events: [{ type: 'talking', ids: ['abcdefgh1234'], frame: 7 }],
  ...changes,
})

async function store(recording: unknown = archive()): Promise<void> {
  await studio.objects.put(aacInitKey(SPACE), aacInit(), 'audio/mp4')
  for (const msn of [0, 2, 3]) await studio.objects.put(aacSegmentKey(SPACE, msn), segment(msn), 'audio/mp4')
  await studio.objects.put(archiveKey(SPACE), Buffer.from(JSON.stringify(recording)), 'application/json')
}

test('a replay is a VOD playlist whose segments can be had, and whose missing ones are gaps and 404', async () => {
  await store()
  const playlist = await studio.get(`${REPLAY}/index.m3u8`)
  expect(playlist.headers['content-type']).toBe('application/vnd.apple.mpegurl')
  await expect(textOf(playlist)).toMatchFileSnapshot('golden/replay.golden.m3u8')
  for (const msn of [0, 2, 3]) {
    const reply = await studio.get(`${REPLAY}/aac/${msn}.m4s`)
    expect(reply.body).toEqual(segment(msn))
    expect(reply.headers['cache-control']).toContain('immutable')
  }
  expect((await studio.get(`${REPLAY}/aac/1.m4s`)).status).toBe(404)
  expect((await studio.get(`${REPLAY}/aac/init.mp4`)).body).toEqual(Buffer.from(aacInit()))
})

test('the archive comes as it was stored, compressed for those who take it', async () => {
  await store()
  const reply = await studio.get(`${REPLAY}/archive.json`)
  expect(JSON.parse(textOf(reply))).toEqual(archive())
  const zipped = await studio.get(`${REPLAY}/archive.json`, { headers: { 'accept-encoding': 'gzip' } })
  expect(zipped.headers['content-encoding']).toBe('gzip')
})

test('a space without a recording is 404, now; once it is stored it is there', async () => {
  for (const path of ['index.m3u8', 'archive.json', 'audio.m4a', 'aac/init.mp4']) {
    const reply = await studio.get(`${REPLAY}/${path}`)
    expect([reply.status, errorOf(reply)]).toEqual([404, 'no_recording'])
  }
  await store()
  expect((await studio.get(`${REPLAY}/index.m3u8`)).status).toBe(200)
})

test('the download is the init segment and all segments, with its length and a name', async () => {
  await store()
  const reply = await studio.get(`${REPLAY}/audio.m4a`)
  expect(reply.body).toEqual(WHOLE)
  expect(reply.headers).toMatchObject({
    'content-type': 'audio/mp4',
    'content-length': String(WHOLE.length),
    'accept-ranges': 'bytes',
    'content-disposition': `attachment; filename="F_nf nach acht: _Talk_   8_.m4a"; filename*=UTF-8''F%C3%BCnf%20nach%20acht%3A%20%22Talk%22%20%20%208%25.m4a`,
  })
  const head = await studio.get(`${REPLAY}/audio.m4a`, { method: 'HEAD' })
  expect(head.headers['content-length']).toBe(String(WHOLE.length))
  expect(head.body).toHaveLength(0)
})

test.each([
  ['bytes=0-9', 0, 9],
  ['bytes=100-30000', 100, 30_000],
  [`bytes=${WHOLE.length - 5}-`, WHOLE.length - 5, WHOLE.length - 1],
  ['bytes=-20', WHOLE.length - 20, WHOLE.length - 1],
  ['bytes=5-99999999', 5, WHOLE.length - 1],
])('a download goes on where it stopped: %s', async (range, start, end) => {
  await store()
  const reply = await studio.get(`${REPLAY}/audio.m4a`, { headers: { range } })
  expect(reply.status).toBe(206)
  expect(reply.headers['content-range']).toBe(`bytes ${start}-${end}/${WHOLE.length}`)
  expect(reply.body).toEqual(WHOLE.subarray(start, end + 1))
})

test('a range that is none is passed over, and one beyond the end is 416', async () => {
  await store()
  for (const range of ['bytes=9-3', 'bytes=-', 'lines=1-2', 'bytes=0-1,4-5'])
    expect((await studio.get(`${REPLAY}/audio.m4a`, { headers: { range } })).status).toBe(200)
  const reply = await studio.get(`${REPLAY}/audio.m4a`, { headers: { range: `bytes=${WHOLE.length}-` } })
  expect(reply.status).toBe(416)
  expect(reply.headers['content-range']).toBe(`bytes */${WHOLE.length}`)
  expect(parseRange('bytes=-0', 10)).toBe('unsatisfiable')
})

test('a download of which a segment is missing or of another size is broken off, never ended as whole', async () => {
  await store()
  await studio.objects.delete(aacSegmentKey(SPACE, 2))
  expect((await studio.get(`${REPLAY}/audio.m4a`)).whole).toBe(false)
  await studio.objects.put(aacSegmentKey(SPACE, 2), Buffer.from('short'), 'audio/mp4')
  expect((await studio.get(`${REPLAY}/audio.m4a`)).whole).toBe(false)
})

test('a store that is away is 503, and what is known is still answered', async () => {
  await store()
  storeAway = true
  for (const path of ['index.m3u8', 'archive.json', 'audio.m4a', 'aac/0.m4s']) {
    const reply = await studio.get(`${REPLAY}/${path}`)
    expect([reply.status, errorOf(reply)]).toEqual([503, 'store_unavailable'])
  }
  storeAway = false
  await studio.get(`${REPLAY}/index.m3u8`)
  storeAway = true
  expect((await studio.get(`${REPLAY}/index.m3u8`)).status).toBe(200)
})

test.each([[{ v: 2 }], ['text'], [{ ...archive(), segments: [{ msn: -1 }] }]])(
  'an archive that is damaged is 500 with a sentence: %j',
  async (recording) => {
    await store(recording)
    const reply = await studio.get(`${REPLAY}/index.m3u8`)
    expect([reply.status, errorOf(reply)]).toEqual([500, 'damaged_recording'])
  },
)

test('a recording of which nothing is left is none', async () => {
  await store(archive({ segments: [{ msn: 0, frames: 90, bytes: 0, gap: true }] }))
  expect((await studio.get(`${REPLAY}/index.m3u8`)).status).toBe(404)
})
