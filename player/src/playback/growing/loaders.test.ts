import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AAC } from '@odeon/common/rendition.ts'
import { splitChunks } from './testing.ts'
import { fragmentLoader, Pace, playlistLoader, type Source } from './loaders.ts'
import { GrowingWindow } from './window.ts'

/** hls.js's loaders, driven by hand: what they answer, when, and what they leave to the network. */

const BASE = 'https://odeon.test/live/x/aac/'

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('location', { href: 'https://odeon.test/s/x' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Stands where hls.js's own loader would: notes what is handed to it. */
let asked: string[] = []
class Network {
  context = null
  stats = { handedOn: true } as never
  aborted = false
  load({ url }: { url: string }): void {
    asked.push(url)
  }
  abort(): void {
    this.aborted = true
  }
  destroy(): void {
    this.aborted = true
  }
}

function setUp() {
  asked = []
  const window = new GrowingWindow(AAC)
  const facts = { startedAt: Date.UTC(2026, 10, 23), roundTripMs: 0 }
  const source: Source = { window, facts, init: undefined, pace: new Pace() }
  const Playlist = playlistLoader(Network, source)
  const Fragment = fragmentLoader(Network, source)
  const load = (Loader: typeof Playlist, context: { url: string; type?: string }) => {
    const loader = new Loader({})
    const seen: { answer?: string | ArrayBuffer; error?: string } = {}
    loader.load(
      context,
      {},
      {
        onSuccess: ({ data }) => (seen.answer = data),
        onError: ({ text }) => (seen.error = text),
      },
    )
    return { loader, seen }
  }
  return {
    window,
    source,
    add: (msn: number, from: number, to: number) => {
      for (const chunk of splitChunks(msn, from, to)) window.add(chunk)
    },
    playlist: (query = '') => load(Playlist, { url: `${BASE}index.m3u8${query}`, type: 'level' }),
    manifest: () => load(Playlist, { url: 'https://odeon.test/live/x/index.m3u8', type: 'manifest' }),
    fragment: (name: string) => load(Fragment, { url: `${BASE}${name}` }),
  }
}

/** Lets promises and timers of so many ms happen. */
const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

test('the multivariant playlist is known without asking, but never answered synchronously', async () => {
  const { manifest } = setUp()
  const { seen } = manifest()
  expect(seen.answer).toBeUndefined()
  await pass()
  expect(seen.answer).toContain('aac/index.m3u8')
  expect(asked).toEqual([])
})

test('the first playlist waits for a whole segment and the beginning of the growing one', async () => {
  const { add, playlist } = setUp()
  const { seen } = playlist()
  add(7, 0, 18)
  add(8, 0, 3)
  await pass(100)
  expect(seen.answer).toBeUndefined()
  add(8, 3, 4)
  await pass()
  expect(seen.answer).toContain('8-3.chunk')
})

test('a blocking reload is answered when its chunk comes, and not before', async () => {
  const { add, playlist } = setUp()
  add(7, 0, 18)
  add(8, 0, 5)
  const { seen } = playlist('?_HLS_msn=9&_HLS_part=5') // hls.js counts from 1: segment 8, chunk 5.
  await pass(1000)
  expect(seen.answer).toBeUndefined()
  add(8, 5, 6)
  await pass()
  expect(seen.answer).toContain('8-5.chunk')
})

test('a reload waits until hls.js has taken in the part that it has just been given', async () => {
  const { add, playlist, fragment, source } = setUp()
  add(7, 0, 18)
  add(8, 0, 5)
  fragment('8-4.chunk')
  const { seen } = playlist('?_HLS_msn=9&_HLS_part=4')
  await pass(400)
  expect(seen.answer).toBeUndefined()
  source.pace.partTaken()
  await pass()
  expect(seen.answer).toContain('8-4.chunk')
})

test('a part that hls.js gave up does not hold the playlists for longer than a second', async () => {
  const { add, playlist, fragment } = setUp()
  add(7, 0, 18)
  add(8, 0, 5)
  fragment('8-4.chunk')
  const { seen } = playlist('?_HLS_msn=9&_HLS_part=4')
  await pass(1000)
  expect(seen.answer).toContain('8-4.chunk')
})

test('whoever waits when the space ends gets the whole list and its end', async () => {
  const { add, playlist, window } = setUp()
  add(7, 0, 18)
  add(8, 0, 5)
  const { seen } = playlist('?_HLS_msn=9&_HLS_part=5')
  window.end()
  await pass()
  expect(seen.answer).toContain('#EXT-X-ENDLIST')
})

test('a chunk is handed over as bytes of its own, since hls.js takes them away', async () => {
  const { add, fragment, window } = setUp()
  add(7, 0, 2)
  const first = fragment('7-1.chunk')
  const second = fragment('7-1.chunk')
  await pass()
  expect(new Uint8Array(first.seen.answer as ArrayBuffer)).toEqual(window.chunk(7, 1)!.bytes)
  expect(first.seen.answer).not.toBe(second.seen.answer)
  expect(first.loader.stats.loading.end).toBeGreaterThanOrEqual(first.loader.stats.loading.start)
})

test('a whole segment comes out of the window; one that is not there, and the init segment, from the network', async () => {
  const { add, fragment, source } = setUp()
  add(7, 0, 18)
  const whole = fragment('7.m4s')
  fragment('3.m4s')
  fragment('init.mp4')
  await pass()
  expect((whole.seen.answer as ArrayBuffer).byteLength).toBeGreaterThan(0)
  expect(asked).toEqual([`${BASE}3.m4s`, `${BASE}init.mp4`])
  source.init = new ArrayBuffer(5)
  const init = fragment('init.mp4')
  await pass()
  expect(init.seen.answer).toEqual(source.init)
  expect(init.seen.answer, 'a copy').not.toBe(source.init)
})

test('a chunk that is no longer kept is an error, not a question to an origin that does not know its name', async () => {
  const { add, fragment } = setUp()
  add(7, 0, 18)
  const { seen } = fragment('2-3.chunk')
  await pass()
  expect(seen.error).toContain('no longer kept')
  expect(asked).toEqual([])
})

test('who gave up gets no answer any more', async () => {
  const { add, playlist, fragment } = setUp()
  add(7, 0, 18)
  add(8, 0, 5)
  const waiting = playlist('?_HLS_msn=9&_HLS_part=5')
  const chunk = fragment('8-4.chunk')
  waiting.loader.abort()
  chunk.loader.destroy()
  add(8, 5, 6)
  await pass(100)
  expect([waiting.seen, chunk.seen]).toEqual([{}, {}])
})

test('a load that was handed to the network is given up there', async () => {
  const { fragment } = setUp()
  const { loader } = fragment('3.m4s')
  expect(loader.stats, 'its statistics are those of the network').toMatchObject({ handedOn: true })
  expect(() => loader.destroy()).not.toThrow()
})
