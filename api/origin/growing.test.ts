import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { bytesOf, errorOf, openStudio, positions, SPACE, textOf, type Studio } from './harness.ts'

const LIVE = `/live/${SPACE}/aac`
const segmentOf = (msn: number, chunks = 18) => Buffer.concat(positions(chunks, msn).map(bytesOf))

let studio: Studio
afterEach(() => studio.close())

/** Two complete segments, then segment 2 with `chunks`; the origin follows. */
async function onAir(chunks: number, options: Parameters<typeof openStudio>[0] = {}): Promise<void> {
  studio = await openStudio(options)
  await studio.say(36 + chunks)
  await studio.get(`/live/${SPACE}/index.m3u8`)
}

test('a segment that grows is sent as it grows: what is there at once, each chunk as it comes, and an end', async () => {
  await onAir(3)
  const reading = await studio.open(`${LIVE}/2.m4s`)
  expect(reading.status).toBe(200)
  expect(reading.headers).toMatchObject({
    'content-type': 'audio/mp4',
    'cache-control': 'public, max-age=12',
    'transfer-encoding': 'chunked',
    'access-control-allow-origin': '*',
  })
  expect(await reading.until('<2.2>')).toBe(segmentOf(2, 3).toString())
  for (let chunk = 3; chunk < 18; chunk++) {
    await studio.say(1)
    await reading.until(`<2.${chunk}>`)
  }
  const reply = await reading.end
  expect(reply.whole).toBe(true)
  expect(reply.body).toEqual(segmentOf(2))
  const again = await studio.get(`${LIVE}/2.m4s`)
  expect(again.body).toEqual(reply.body)
  expect(again.headers['content-length']).toBe(String(reply.body.length))
})

test('whoever comes to a growing segment gets all that it has at that moment', async () => {
  await onAir(3)
  for (let chunks = 3; chunks < 6; chunks++) {
    const reading = await studio.open(`${LIVE}/2.m4s`)
    expect(await reading.until(`<2.${chunks - 1}>`)).toBe(segmentOf(2, chunks).toString())
    await studio.say(1)
    expect(await reading.until(`<2.${chunks}>`)).toBe(segmentOf(2, chunks + 1).toString())
  }
})

test('the segment after the growing one waits for its first chunk; one further ahead is 404 and not cached', async () => {
  await onAir(3)
  const next = studio.open(`${LIVE}/3.m4s`)
  await studio.waiting(1)
  const further = await studio.get(`${LIVE}/4.m4s`)
  expect([further.status, errorOf(further)]).toEqual([404, 'no_segment'])
  expect(further.headers['cache-control']).toBe('no-store')
  await studio.say(15)
  expect(await studio.metric('odeon_origin_waiting')).toBe(1)
  await studio.say(1)
  const reading = await next
  expect(reading.status).toBe(200)
  await studio.say(17)
  expect((await reading.end).body).toEqual(segmentOf(3))
})

test('between two segments the next one waits, and so does the one after it', async () => {
  await onAir(0)
  const next = studio.open(`${LIVE}/2.m4s`)
  const after = studio.open(`${LIVE}/3.m4s`)
  await studio.waiting(2)
  await studio.say(36)
  expect((await (await next).end).body).toEqual(segmentOf(2))
  expect((await (await after).end).body).toEqual(segmentOf(3))
})

test('the end of the space ends a growing segment as whole, with a short last chunk or without one', async () => {
  for (const frames of [2, 0]) {
    await onAir(4)
    const reading = await studio.open(`${LIVE}/2.m4s`)
    await studio.finish(frames)
    const reply = await reading.end
    expect(reply.whole).toBe(true)
    expect(reply.body).toEqual(segmentOf(2, frames > 0 ? 5 : 4))
    expect((await studio.get(`${LIVE}/3.m4s`)).headers['cache-control']).toBe('no-store')
    if (frames > 0) await studio.close()
  }
})

test('a source that breaks breaks the answer off: nobody takes half a segment for a whole one', async () => {
  await onAir(4)
  const reading = await studio.open(`${LIVE}/2.m4s`)
  await studio.waiting(1)
  await studio.log.append(`space:{${SPACE}}:chunks:aac`, { major: 2, minor: 5 }, Buffer.from('rubbish'))
  expect((await reading.end).whole).toBe(false)
})

test('closing breaks off what grows', async () => {
  await onAir(4)
  const reading = await studio.open(`${LIVE}/2.m4s`)
  await studio.waiting(1)
  await studio.origin.close()
  expect((await reading.end).whole).toBe(false)
})

test('a segment without a chunk for longer than a space may be silent is broken off', async () => {
  let now = 1_793_700_000_000
  await onAir(4, { now: () => now })
  const reading = await studio.open(`${LIVE}/2.m4s`)
  await studio.waiting(1)
  now += 80_000
  expect((await reading.end).whole).toBe(false)
})

test('a reader that leaves too much lying is dropped and counted, and the others hear on', async () => {
  await onAir(1, { maxUnsentBytes: 256 * 1024 })
  const good = await studio.open(`${LIVE}/2.m4s`)
  const slow = connect(studio.port, '127.0.0.1')
  slow.pause()
  slow.write(`GET ${LIVE}/2.m4s HTTP/1.1\r\nHost: x\r\n\r\n`)
  slow.on('error', () => {})
  await studio.waiting(2)
  // Larger than what the kernel holds for a connection that is not read.
  for (let chunk = 1; chunk < 18; chunk++) {
    await studio.say(1, 1024 * 1024)
    await good.until(`<2.${chunk}>`)
  }
  expect((await good.end).whole).toBe(true)
  expect(await studio.metric('odeon_origin_dropped_sockets_total')).toBe(1)
  slow.destroy()
})

test('a listener who leaves is forgotten, and the segment goes on for the others', async () => {
  await onAir(3)
  const leaving = await studio.open(`${LIVE}/2.m4s`)
  const staying = await studio.open(`${LIVE}/2.m4s`)
  await studio.waiting(2)
  leaving.response.destroy()
  await studio.waiting(1)
  await studio.say(15)
  expect((await staying.end).body).toEqual(segmentOf(2))
  await studio.waiting(0)
})

test('a thousand readers of one segment all get every chunk', async () => {
  await onAir(1)
  const readings = await Promise.all(Array.from({ length: 1000 }, () => studio.open(`${LIVE}/2.m4s`)))
  await studio.say(17)
  for (const reading of readings) expect((await reading.end).body).toEqual(segmentOf(2))
})

test('the audience is told from requests: whoever reads the growing segment counts once', async () => {
  await onAir(3)
  const audience = async () => JSON.parse(textOf(await studio.get(`/live/${SPACE}/audience.json`))) as unknown
  expect(await audience()).toMatchObject({ listeners: 0 })
  const readings = await Promise.all([1, 2, 3].map(() => studio.open(`${LIVE}/2.m4s`)))
  expect(await audience()).toMatchObject({ listeners: 3 })
  expect(await studio.metric('odeon_listeners')).toBe(3)
  readings[0]!.response.destroy()
  await studio.waiting(2)
  expect(await audience()).toMatchObject({ listeners: 2 })
  expect((await studio.get(`/live/${SPACE}/audience.json`)).headers['cache-control']).toBe(
    'public, max-age=5',
  )
})

test('over HTTP/2 the same: chunks as they come, a whole end, and a reset when the source breaks', async () => {
  await onAir(3)
  const server = createHttp2Server((request, response) => void studio.origin.handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => {})
  try {
    const playlist = await readHttp2(client, `${LIVE}/index.m3u8`).end
    expect(playlist.text).toContain('\n1.m4s\n')
    const head = await readHttp2(client, `${LIVE}/1.m4s`, 'HEAD').end
    expect(head).toMatchObject({ text: '', code: 0 })
    const whole = readHttp2(client, `${LIVE}/2.m4s`)
    await studio.waiting(1)
    await studio.say(15)
    expect(await whole.end).toEqual({ text: segmentOf(2).toString(), code: 0 })
    const broken = readHttp2(client, `${LIVE}/3.m4s`)
    await studio.waiting(1)
    await studio.say(2)
    await broken.begun
    await studio.origin.close()
    expect((await broken.end).code).not.toBe(0)
  } finally {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

function readHttp2(client: ReturnType<typeof connectHttp2>, path: string, method = 'GET') {
  const stream = client.request({ ':path': path, ':method': method })
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('error', () => {})
  stream.end()
  const end = new Promise<{ text: string; code: number | undefined }>((resolve) => {
    stream.on('close', () => resolve({ text: Buffer.concat(pieces).toString(), code: stream.rstCode }))
  })
  return { end, begun: once(stream, 'data') }
}
