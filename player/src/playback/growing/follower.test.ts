import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AAC } from '@odeon/common/rendition.ts'
import { GrowingFollower, type Fault } from './follower.ts'
import { testChunk, testSegment } from './testing.ts'
import { GrowingWindow } from './window.ts'

/** The follower against a real HTTP server that behaves as told. */

type Answer = (response: ServerResponse, request: IncomingMessage) => void
let server: Server
let base: string
let answers: Map<string, Answer[]>
let asked: string[]
let follower: GrowingFollower | undefined

beforeEach(async () => {
  answers = new Map()
  asked = []
  server = createServer((request, response) => {
    const name = request.url!.split('/').at(-1)!
    asked.push(name)
    const queue = answers.get(name) ?? []
    const answer = queue.length > 1 ? queue.shift()! : queue[0]
    if (answer) answer(response, request)
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/x/aac/`
})
afterEach(async () => {
  follower?.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const whole =
  (msn: number, chunks = 18): Answer =>
  (response) =>
    response.end(testSegment(msn, chunks))
const slowly =
  (msn: number): Answer =>
  (response) => {
    const chunks = Array.from({ length: 18 }, (_, n) => testChunk(msn, n))
    const timer = setInterval(() => {
      const next = chunks.shift()
      if (next) response.write(next)
      else {
        clearInterval(timer)
        response.end()
      }
    }, 8)
  }
const ended =
  (first: number, segments: number): Answer =>
  (response) =>
    response.end(
      `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T00:00:00.000Z\n` +
        '#EXTINF:1.92,\nx.m4s\n'.repeat(segments) +
        '#EXT-X-ENDLIST\n',
    )
const playlist =
  (first: number, segments: number): Answer =>
  (response) =>
    response.end(
      `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T00:00:00.000Z\n` +
        '#EXTINF:1.92,\nx.m4s\n'.repeat(segments),
    )

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Follows from `msn` on until the window has ended or there is a fault. */
function follow(msn: number, hidden = false): Promise<{ window: GrowingWindow; fault: Fault | undefined }> {
  const window = new GrowingWindow(AAC)
  return new Promise((resolve) => {
    const abort = new AbortController()
    follower = new GrowingFollower({
      base,
      window,
      msn,
      fetch,
      now: () => performance.now(),
      wait: (ms) => new Promise((done) => setTimeout(done, Math.min(ms, 20))),
      hidden: () => hidden,
      onFault: (fault) => resolve({ window, fault }),
    })
    void (async () => {
      while (!window.ended) await window.changed(abort.signal)
      resolve({ window, fault: undefined })
    })()
  })
}

test('one request a segment, the next one asked for while the current one grows, to the end of the space', async () => {
  answers
    .set('4.m4s', [whole(4)])
    .set('5.m4s', [slowly(5)])
    .set('6.m4s', [slowly(6)])
    .set('7.m4s', [whole(7, 3)])
  answers.set('index.m3u8', [ended(2, 6)])
  const { window, fault } = await follow(4)
  expect(fault).toBeUndefined()
  expect(window.edge).toEqual({ msn: 7, chunk: 2 })
  expect(asked.filter((name) => name !== 'index.m3u8' && name !== '8.m4s')).toEqual([
    '4.m4s',
    '5.m4s',
    '6.m4s',
    '7.m4s',
  ])
})

test('a hidden page keeps one request open', async () => {
  let open = 0
  let most = 0
  const counted =
    (msn: number): Answer =>
    (response, request) => {
      most = Math.max(most, ++open)
      response.on('finish', () => open--)
      slowly(msn)(response, request)
    }
  answers
    .set('4.m4s', [whole(4)])
    .set('5.m4s', [whole(5)])
    .set('6.m4s', [counted(6)])
    .set('7.m4s', [counted(7)])
  answers.set('index.m3u8', [ended(2, 6)])
  const { window } = await follow(4, true)
  expect(window.edge).toEqual({ msn: 7, chunk: 17 })
  expect(most).toBe(1)
})

test.each<[string, Answer]>([
  ['is cut in the middle of a box', (response) => response.end(testSegment(5).slice(0, 700))],
  [
    'breaks off',
    (response) => {
      response.write(testSegment(5, 4))
      setImmediate(() => response.destroy())
    },
  ],
  ['ends early', (response) => response.end(testSegment(5, 4))],
  ['is an error', (response) => response.writeHead(500).end('oops')],
])('a response that %s is read once more, and nothing is lost or doubled', async (_what, broken) => {
  answers
    .set('4.m4s', [whole(4)])
    .set('5.m4s', [broken, slowly(5)])
    .set('6.m4s', [whole(6, 1)])
  answers.set('index.m3u8', [playlist(2, 3), ended(2, 5)])
  const { window, fault } = await follow(4)
  expect(fault).toBeUndefined()
  expect(same(window.segment(5) ?? new Uint8Array(0), testSegment(5))).toBe(true)
})

test('a response that repeats chunks adds none twice', async () => {
  answers
    .set('4.m4s', [whole(4)])
    .set('6.m4s', [whole(6, 1)])
    .set('index.m3u8', [ended(2, 5)])
  answers.set('5.m4s', [
    (response) => {
      response.write(testSegment(5, 9))
      response.end(testSegment(5))
    },
  ])
  const { window } = await follow(4)
  expect(same(window.segment(5) ?? new Uint8Array(0), testSegment(5))).toBe(true)
})

test('a response that fails twice is a fault, so that standard HLS can be taken', async () => {
  answers.set('4.m4s', [whole(4)]).set('5.m4s', [(response) => response.end('<html>no</html>')])
  const { fault } = await follow(4)
  expect(fault).toMatchObject({ kind: 'broken' })
})

test('segments that come in one go although they were waited for are a proxy’s doing', async () => {
  const burst =
    (msn: number): Answer =>
    (response) =>
      void setTimeout(() => response.end(testSegment(msn)), 60)
  for (let msn = 4; msn < 12; msn++) answers.set(`${msn}.m4s`, [burst(msn)])
  expect((await follow(4)).fault).toEqual({ kind: 'bursts' })
})

test('an origin that is busy is asked again when it said', async () => {
  answers
    .set('4.m4s', [whole(4)])
    .set('6.m4s', [whole(6, 1)])
    .set('index.m3u8', [ended(2, 5)])
  answers.set('5.m4s', [(response) => response.writeHead(503, { 'retry-after': '2' }).end(), slowly(5)])
  const { window, fault } = await follow(4)
  expect(fault).toBeUndefined()
  expect(window.isComplete(5)).toBe(true)
})

test('an origin that restarted at an older place is told from a space that ended', async () => {
  answers.set('400.m4s', [whole(400)]).set('index.m3u8', [playlist(0, 3)])
  expect((await follow(400)).fault).toEqual({ kind: 'elsewhere' })
})

test('a space that was over before there was a whole segment is gone: there is nothing to end', async () => {
  answers.set('index.m3u8', [ended(3, 2)])
  expect((await follow(4)).fault).toEqual({ kind: 'gone' })
})

test('a space that is gone, and a server that is gone', async () => {
  expect((await follow(4)).fault).toEqual({ kind: 'gone' })
  follower?.close()
  base = 'http://127.0.0.1:1/'
  expect((await follow(4)).fault).toEqual({ kind: 'unreachable' })
})
