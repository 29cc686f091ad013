import { gunzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { chunkId, encodeChunk } from '@odeon/common/chunk.ts'
import { aacInit, opusInit } from '@odeon/common/cmaf-init.ts'
import { OPUS } from '@odeon/common/rendition.ts'
import { aacChunksKey, aacSegmentKey, chunksKey } from '@odeon/common/keys.ts'
import { bytesOf, chunkOf, errorOf, openStudio, positions, SPACE, textOf, type Studio } from './harness.ts'

const LIVE = `/live/${SPACE}/aac`
const PLAYLIST = `${LIVE}/index.m3u8`
const partOf = (msn: number, part: number) =>
  Buffer.concat([bytesOf({ msn, chunk: 2 * part }), bytesOf({ msn, chunk: 2 * part + 1 })])
const segmentOf = (msn: number) => Buffer.concat(positions(18, msn).map(bytesOf))

let studio: Studio
afterEach(() => studio.close())

/** Ten complete segments, then segment 10 with `chunks`; the origin follows. */
async function onAir(chunks: number, options: Parameters<typeof openStudio>[0] = {}): Promise<void> {
  studio = await openStudio(options)
  await studio.say(180 + chunks)
  await studio.get(`/live/${SPACE}/index.m3u8`)
}

test('the multivariant playlist, the init segment, a playlist, a segment and a part come with their types and lives', async () => {
  await onAir(7)
  const multivariant = await studio.get(`/live/${SPACE}/index.m3u8`)
  expect(textOf(multivariant)).toMatch(
    /CODECS="mp4a.40.2"\naac\/index.m3u8\n.*CODECS="Opus"\nopus\/index.m3u8\n/,
  )
  expect(multivariant.headers['content-type']).toBe('application/vnd.apple.mpegurl')
  const init = await studio.get(`${LIVE}/init.mp4`)
  expect(init.body).toEqual(Buffer.from(aacInit()))
  expect(init.headers['content-type']).toBe('audio/mp4')
  const playlist = await studio.get(PLAYLIST)
  expect(playlist.headers).toMatchObject({
    'content-type': 'application/vnd.apple.mpegurl',
    'cache-control': 'public, max-age=1',
    'access-control-allow-origin': '*',
    vary: 'Accept-Encoding',
  })
  expect(playlist.headers['access-control-expose-headers']).toMatch(/Age, Date/)
  const segment = await studio.get(`${LIVE}/9.m4s`)
  expect(segment.body).toEqual(segmentOf(9))
  expect(segment.headers).toMatchObject({
    'content-length': String(segment.body.length),
    'cache-control': 'public, max-age=12',
  })
  const part = await studio.get(`${LIVE}/10.2.m4s`)
  expect(part.body).toEqual(partOf(10, 2))
  expect(part.headers).toMatchObject({
    'content-length': String(part.body.length),
    'cache-control': 'public, max-age=12',
  })
})

test('the Opus rendition is asked for in the same way, and its parts are three chunks', async () => {
  studio = await openStudio({ rendition: OPUS })
  const opus = `/live/${SPACE}/opus`
  await studio.say(24 * 10 + 4)
  const init = await studio.get(`${opus}/init.mp4`)
  expect(init.body).toEqual(Buffer.from(opusInit()))
  expect(init.headers['content-type']).toBe('audio/mp4')
  const text = textOf(await studio.get(`${opus}/index.m3u8`))
  expect(text).toContain('#EXT-X-PART:DURATION=0.24000,URI="10.0.m4s",INDEPENDENT=YES\n')
  expect(text).toContain('#EXT-X-RENDITION-REPORT:URI="../aac/index.m3u8",LAST-MSN=10,LAST-PART=0\n')
  const parts = [0, 1, 2].map((chunk) => bytesOf({ msn: 9, chunk }))
  expect((await studio.get(`${opus}/9.0.m4s`)).body).toEqual(Buffer.concat(parts))
  const segment = Buffer.concat(positions(24, 9, OPUS).map(bytesOf))
  expect((await studio.get(`${opus}/9.m4s`)).body).toEqual(segment)
  const hinted = studio.get(`${opus}/10.1.m4s`)
  const blocked = studio.get(`${opus}/index.m3u8?_HLS_msn=10&_HLS_part=1&_HLS_skip=YES`)
  const growing = await studio.open(`${opus}/10.m4s`)
  await studio.waiting(3)
  await studio.say(2)
  expect((await hinted).body).toEqual(Buffer.concat([3, 4, 5].map((chunk) => bytesOf({ msn: 10, chunk }))))
  const update = textOf(await blocked)
  expect(update).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n')
  expect(update).toContain('URI="10.1.m4s",INDEPENDENT')
  await growing.until('<10.5>')
  await studio.finish(0)
  expect((await growing.end).whole).toBe(true)
})

test('a rendition is followed only when somebody asks for it, and its listeners are listeners of the space', async () => {
  await onAir(6)
  const text = textOf(await studio.get(PLAYLIST))
  expect(text).toContain('#EXT-X-RENDITION-REPORT:URI="../opus/index.m3u8",LAST-MSN=10,LAST-PART=1\n')
  expect(await studio.metric('odeon_origin_spaces')).toBe(1)
  for (const position of positions(24 * 10, 0, OPUS))
    await studio.log.append(
      chunksKey(SPACE, 'opus'),
      chunkId(position),
      encodeChunk(chunkOf(position, { frames: 4 })),
    )
  const reading = studio.open(`/live/${SPACE}/opus/10.m4s`)
  const another = await studio.open(`${LIVE}/10.m4s`)
  await studio.waiting(2)
  expect(await studio.metric('odeon_origin_spaces')).toBe(2)
  expect(JSON.parse(textOf(await studio.get(`/live/${SPACE}/audience.json`)))).toEqual({
    listeners: 2,
    sample: [],
  })
  await studio.origin.close()
  expect((await reading).status).toBe(503)
  expect((await another.end).whole).toBe(false)
})

test('an Opus segment that has left memory is gone: it is never stored', async () => {
  studio = await openStudio({ rendition: OPUS })
  await studio.say(24 * 34)
  await studio.objects.put(aacSegmentKey(SPACE, 1), Buffer.from('AAC'), 'audio/mp4')
  expect((await studio.get(`/live/${SPACE}/opus/3.m4s`)).status).toBe(200)
  const reply = await studio.get(`/live/${SPACE}/opus/1.m4s`)
  expect([reply.status, errorOf(reply)]).toEqual([404, 'no_segment'])
})

test('every segment and part that a playlist lists can be had at once, and is what the log says', async () => {
  await onAir(9)
  const uris = textOf(await studio.get(PLAYLIST)).match(/\d+(\.\d+)?\.m4s/g)!
  for (const uri of uris.slice(0, -1)) {
    const [msn, part] = uri.split('.').map(Number) as [number, number]
    const reply = await studio.get(`${LIVE}/${uri}`)
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual(Number.isNaN(part) ? segmentOf(msn) : partOf(msn, part))
  }
})

test('a blocking request is held until its part is listed, and cached longer than a plain one', async () => {
  await onAir(6)
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=10&_HLS_part=3`)
  await studio.waiting(1)
  await studio.say(1)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  const reply = await asked
  expect(textOf(reply)).toContain('10.3.m4s",INDEPENDENT')
  expect(reply.headers['cache-control']).toBe('public, max-age=12')
})

test('a blocking request for a segment is held until the segment is complete', async () => {
  await onAir(15)
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=10`)
  await studio.waiting(1)
  await studio.say(2)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  expect(textOf(await asked)).toContain('\n10.m4s\n')
})

test('a part beyond the last of its segment waits for part 0 of the next', async () => {
  await onAir(17)
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=10&_HLS_part=9`)
  await studio.waiting(1)
  await studio.say(2)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  expect(textOf(await asked)).toContain('11.0.m4s",INDEPENDENT')
})

test('two hundred waiters are released together by the chunk that they wait for, with the same bytes', async () => {
  await onAir(6)
  const all = Array.from({ length: 200 }, () =>
    studio.get(`${PLAYLIST}?_HLS_msn=10&_HLS_part=3`, { headers: { 'accept-encoding': 'gzip' } }),
  )
  await studio.waiting(200)
  await studio.say(2)
  expect(await studio.metric('odeon_origin_waiting')).toBe(0)
  const replies = await Promise.all(all)
  for (const reply of replies) expect(reply.body.equals(replies[0]!.body)).toBe(true)
  expect(gunzipSync(replies[0]!.body).toString()).toContain('10.3.m4s",INDEPENDENT')
})

test('a request that waited in vain gets 503 with an error that may live for a part at most', async () => {
  await onAir(6, { holdMs: 20 })
  for (const path of [`${PLAYLIST}?_HLS_msn=10&_HLS_part=3`, `${LIVE}/10.3.m4s`, `${LIVE}/11.m4s`]) {
    const reply = await studio.get(path)
    expect(reply.status).toBe(503)
    expect(errorOf(reply)).toBe('not_yet')
    expect(reply.headers['cache-control']).toBe('public, max-age=0')
  }
  expect(await studio.metric('odeon_origin_waiting')).toBe(0)
})

test.each([
  '_HLS_msn=13',
  '_HLS_msn=abc',
  '_HLS_part=1',
  '_HLS_msn=-1',
  '_HLS_msn=1&_HLS_msn=2',
  '_HLS_msn=10&_HLS_part=1000',
])('a directive that can not be met is 400 at once: %s', async (query) => {
  await onAir(6)
  const reply = await studio.get(`${PLAYLIST}?${query}`)
  expect(reply.status).toBe(400)
  expect(errorOf(reply)).toBe('bad_directive')
  expect(reply.headers['cache-control']).toBe('public, max-age=0')
})

test('an old segment is answered with the whole current playlist, and unknown directives do no harm', async () => {
  await onAir(6)
  const plain = textOf(await studio.get(PLAYLIST))
  for (const query of ['_HLS_msn=2', '_HLS_msn=2&_HLS_part=40', '_HLS_later=1', '_HLS_msn=9&_HLS_part=3'])
    expect(textOf(await studio.get(`${PLAYLIST}?${query}`))).toBe(plain)
})

test('a delta update is for who asks for it, also while blocking', async () => {
  await onAir(6)
  expect(textOf(await studio.get(`${PLAYLIST}?_HLS_skip=YES`))).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n')
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=10&_HLS_part=3&_HLS_skip=v2`)
  await studio.waiting(1)
  await studio.say(2)
  expect(textOf(await asked)).toContain('#EXT-X-SKIP')
})

test('before the first segment is complete a plain request waits for it', async () => {
  studio = await openStudio()
  await studio.say(3)
  const asked = studio.get(PLAYLIST)
  await studio.waiting(1)
  await studio.say(14)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  expect(textOf(await asked)).toContain('\n0.m4s\n')
})

test('the hinted part is held until it is whole and then sent whole; others that do not exist are 404', async () => {
  await onAir(6)
  const asked = studio.get(`${LIVE}/10.3.m4s`)
  await studio.waiting(1)
  for (const uri of ['10.4', '11.0', '10.9', '10.1000', '9.9', '99.0']) {
    const reply = await studio.get(`${LIVE}/${uri}.m4s`)
    expect(reply.status).toBe(404)
    expect(errorOf(reply)).toBe('no_part')
  }
  await studio.say(1)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  const reply = await asked
  expect(reply.body).toEqual(partOf(10, 3))
  expect(reply.headers['content-length']).toBe(String(reply.body.length))
})

test('the end releases everyone: the playlist says ENDLIST, an abandoned hint is 404, directives are ignored', async () => {
  await onAir(6)
  const playlist = studio.get(`${PLAYLIST}?_HLS_msn=11`)
  const hinted = studio.get(`${LIVE}/10.3.m4s`)
  const ahead = studio.get(`${LIVE}/11.m4s`)
  await studio.waiting(3)
  await studio.finish(0)
  const text = textOf(await playlist)
  expect(text).toMatch(/\n10\.m4s\n#EXT-X-RENDITION-REPORT:.*\n#EXT-X-ENDLIST\n$/)
  expect(text).not.toContain('PRELOAD-HINT')
  expect((await hinted).status).toBe(404)
  expect(await ahead).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } })
  for (const query of ['_HLS_msn=99', '_HLS_msn=x', '_HLS_skip=YES'])
    expect(textOf(await studio.get(`${PLAYLIST}?${query}`))).toBe(text)
})

test('an origin that starts after the end has the same last playlist', async () => {
  studio = await openStudio()
  await studio.say(40)
  await studio.finish(3)
  const text = textOf(await studio.get(PLAYLIST))
  expect(text).toContain('#EXTINF:0.49067,\n2.m4s\n')
  expect((await studio.get(`${LIVE}/2.2.m4s`)).body).toEqual(bytesOf({ msn: 2, chunk: 4 }))
})

test('a space without a chunk is 404 for everything, and nothing of it is kept', async () => {
  studio = await openStudio()
  for (const path of [
    'index.m3u8',
    'aac/index.m3u8',
    'aac/init.mp4',
    'aac/1.m4s',
    'aac/1.0.m4s',
    'audience.json',
  ]) {
    const reply = await studio.get(`/live/nosuchspace/${path}`)
    expect(reply.status).toBe(404)
    expect(reply.headers['cache-control']).toMatch(/max-age=0|no-store/)
  }
  expect(await studio.metric('odeon_origin_spaces')).toBe(0)
})

test('a segment that has left memory comes from the store, and what the store lacks is 404', async () => {
  studio = await openStudio()
  await studio.say(18 * 40)
  await studio.objects.put(aacSegmentKey(SPACE, 3), segmentOf(3), 'audio/mp4')
  const reply = await studio.get(`${LIVE}/3.m4s`)
  expect(reply.body).toEqual(segmentOf(3))
  expect(await studio.get(`${LIVE}/4.m4s`)).toMatchObject({
    status: 404,
    headers: { 'cache-control': 'no-store' },
  })
  expect((await studio.get(`${LIVE}/9.m4s`)).body).toEqual(segmentOf(9))
})

test('a store that is away costs nothing but what only it has', async () => {
  await onAir(6, {
    wrapObjects: (objects) => ({ ...objects, get: () => Promise.reject(new Error('away')) }),
  })
  await studio.say(18 * 40)
  expect((await studio.get(PLAYLIST)).status).toBe(200)
  expect((await studio.get(`${LIVE}/49.m4s`)).status).toBe(200)
  const reply = await studio.get(`${LIVE}/1.m4s`)
  expect([reply.status, errorOf(reply)]).toEqual([503, 'store_unavailable'])
})

test('a log that can not be read for a while is read on where it stopped, and the window answers meanwhile', async () => {
  let away = false
  await onAir(6, {
    wrapLog: (log) => ({
      ...log,
      read: (...args) => (away ? Promise.reject(new Error('away')) : log.read(...args)),
    }),
  })
  away = true
  await studio.say(1) // The read that was under way.
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=10&_HLS_part=4`)
  await studio.waiting(1)
  const next = { msn: 10, chunk: 7 }
  for (const chunk of [7, 8, 9])
    await studio.log.append(
      aacChunksKey(SPACE),
      chunkId({ ...next, chunk }),
      encodeChunk(chunkOf({ ...next, chunk })),
    )
  expect((await studio.get(PLAYLIST)).status).toBe(200)
  away = false
  expect(textOf(await asked)).toContain('10.4.m4s",INDEPENDENT')
})

test('a log that does not answer is 503, at once when it says so and after the hold when it does not', async () => {
  studio = await openStudio({
    holdMs: 20,
    wrapLog: (log) => ({
      ...log,
      newest: (key) => (key.includes('silent') ? new Promise(() => {}) : Promise.reject(new Error('away'))),
    }),
  })
  for (const id of ['brokenspace', 'silentspace']) {
    const reply = await studio.get(`/live/${id}/aac/index.m3u8`)
    expect([reply.status, errorOf(reply)]).toEqual([503, 'log_unavailable'])
  }
})

test('a damaged entry or a hole is counted, and the space goes on with the next whole segment', async () => {
  await onAir(6)
  const key = aacChunksKey(SPACE)
  await studio.log.append(key, { major: 10, minor: 7 }, Buffer.from('rubbish'))
  const asked = studio.get(PLAYLIST)
  await studio.waiting(1)
  for (const position of positions(18, 11))
    await studio.log.append(key, chunkId(position), encodeChunk(chunkOf(position)))
  const text = textOf(await asked)
  expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:11\n')
  expect(await studio.metric('odeon_origin_damaged_entries_total')).toBe(1)
  const skipped = { msn: 12, chunk: 3 }
  await studio.log.append(key, chunkId(skipped), encodeChunk(chunkOf(skipped)))
  const after = studio.get(PLAYLIST)
  await studio.waiting(1)
  for (const position of positions(18, 13))
    await studio.log.append(key, chunkId(position), encodeChunk(chunkOf(position)))
  expect(textOf(await after)).toContain('#EXT-X-MEDIA-SEQUENCE:13\n')
  expect(await studio.metric('odeon_origin_damaged_entries_total')).toBe(2)
})

test('playlists are compressed for those who take it', async () => {
  await onAir(6)
  const plain = await studio.get(PLAYLIST)
  for (const coding of ['gzip', 'br, gzip;q=0.5', 'GZIP']) {
    const reply = await studio.get(PLAYLIST, { headers: { 'accept-encoding': coding } })
    expect(reply.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(reply.body)).toEqual(plain.body)
  }
  for (const coding of ['br', 'gzip;q=0', 'gzip;q=0.000', 'identity']) {
    const reply = await studio.get(PLAYLIST, { headers: { 'accept-encoding': coding } })
    expect(reply.headers['content-encoding']).toBeUndefined()
  }
})

test('HEAD has the headers of GET and no body', async () => {
  await onAir(6)
  for (const path of [PLAYLIST, `${LIVE}/9.m4s`, `${LIVE}/10.0.m4s`, `${LIVE}/init.mp4`]) {
    const [get, head] = [await studio.get(path), await studio.get(path, { method: 'HEAD' })]
    expect(head.headers['content-length']).toBe(get.headers['content-length'])
    expect(head.headers['cache-control']).toBe(get.headers['cache-control'])
    expect(head.body).toHaveLength(0)
  }
  expect(await studio.get(`${LIVE}/10.m4s`, { method: 'HEAD' })).toMatchObject({ status: 200, whole: true })
})

test('OPTIONS tells a browser that it may ask, and other methods are 405', async () => {
  await onAir(0)
  const preflight = await studio.get(PLAYLIST, { method: 'OPTIONS' })
  expect(preflight).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD, OPTIONS' },
  })
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
    expect(await studio.get(PLAYLIST, { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    })
})

test.each([
  `/live/${SPACE}/aac/../../../etc/passwd`,
  `/live/${SPACE}/aac/%2e%2e%2f1.m4s`,
  `/live/${SPACE}/aac/..%2f9.m4s`,
  `/live/${SPACE}//aac/9.m4s`,
  `/live/${SPACE}/aac/09.m4s`,
  `/live/${SPACE}/aac/-1.m4s`,
  `/live/${SPACE}/aac/9.5.0.m4s`,
  `/live/${SPACE}/aac/9.m4s/`,
  `/live/${SPACE}/aac/9.m4s%00`,
  `/live/${SPACE}/aac/99999999999999999999.m4s`,
  `/live/${SPACE}/opus/9.5.0.m4s`,
  `/live/${SPACE}/mp3/index.m3u8`,
  '/live/../index.m3u8',
  '/live/%2e%2e/index.m3u8',
  '/live//index.m3u8',
  '/live/UPPERCASE1/index.m3u8',
  '/live/x/index.m3u8',
  `/replay/${SPACE}/../archive.json`,
  `/replay/${SPACE}/aac/9.0.m4s`,
])('a path that we never made is 404: %s', async (path) => {
  await onAir(6)
  const reply = await studio.get(path)
  expect(reply.status).toBe(404)
  expect(reply.headers['content-type']).toMatch('application/json')
})

test('a URL of more than 2 kB is 414, and a path of someone else is left to him', async () => {
  await onAir(0)
  expect((await studio.get(`${PLAYLIST}?x=${'y'.repeat(3000)}`)).status).toBe(414)
  for (const path of ['/', '/api/spaces', `/live/${SPACE}`, `/replay/${SPACE}`, `/live/${SPACE}/`, '/timely'])
    expect((await studio.get(path)).status).toBe(418)
})

test('the time is in milliseconds with a fraction, and never cached', async () => {
  studio = await openStudio({ now: () => 1_793_700_000_123.456 })
  const reply = await studio.get('/time')
  expect(JSON.parse(textOf(reply))).toEqual({ now: 1_793_700_000_123.456 })
  expect(reply.headers['cache-control']).toBe('no-store')
})

test('a space that nobody asked for in a minute is let go, and followed again when somebody asks', async () => {
  let now = 1_793_700_000_000
  studio = await openStudio({ now: () => now })
  await studio.say(40)
  await studio.get(PLAYLIST)
  expect(await studio.metric('odeon_origin_spaces')).toBe(1)
  now += 61_000
  await studio.released()
  expect((await studio.get(PLAYLIST)).status).toBe(200)
  expect(await studio.metric('odeon_origin_spaces')).toBe(1)
})

test('with as many spaces as it may follow, an idle one makes room and a busy one does not', async () => {
  let now = 1_793_700_000_000
  studio = await openStudio({ now: () => now, maxSpaces: 1 })
  await studio.say(18)
  const other = 'otherspace'
  for (const position of positions(18))
    await studio.log.append(aacChunksKey(other), chunkId(position), encodeChunk(chunkOf(position)))
  await studio.get(PLAYLIST)
  expect((await studio.get(`/live/${other}/aac/index.m3u8`)).status).toBe(503)
  now += 15_000
  expect((await studio.get(`/live/${other}/aac/index.m3u8`)).status).toBe(200)
  expect(await studio.metric('odeon_origin_spaces')).toBe(1)
})

test('with as many waiting as may wait, the next one is told so at once', async () => {
  await onAir(6, { maxWaiting: 1 })
  const asked = studio.get(`${LIVE}/10.3.m4s`)
  await studio.waiting(1)
  const reply = await studio.get(`${LIVE}/10.3.m4s`)
  expect([reply.status, errorOf(reply)]).toEqual([503, 'busy'])
  await studio.say(2)
  expect((await asked).status).toBe(200)
})

test('who leaves while he waits is forgotten', async () => {
  await onAir(6)
  const controller = new AbortController()
  const asked = fetch(`http://127.0.0.1:${studio.port}${PLAYLIST}?_HLS_msn=11`, { signal: controller.signal })
  await studio.waiting(1)
  controller.abort()
  await expect(asked).rejects.toThrow()
  await studio.waiting(0)
})

test('closing answers those who wait with 503, twice is as good as once', async () => {
  await onAir(6)
  const asked = studio.get(`${PLAYLIST}?_HLS_msn=11`)
  await studio.waiting(1)
  await Promise.all([studio.origin.close(), studio.origin.close()])
  expect((await asked).status).toBe(503)
  expect((await studio.get(PLAYLIST)).status).toBe(503)
})

test('requests are counted by kind and status', async () => {
  await onAir(6)
  await studio.get(PLAYLIST)
  await studio.get(`${PLAYLIST}?_HLS_msn=x`)
  expect(await studio.metric('odeon_origin_requests_total', { kind: 'playlist', status: '200' })).toBe(1)
  expect(await studio.metric('odeon_origin_requests_total', { kind: 'playlist', status: '400' })).toBe(1)
})
