import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AAC, chunkAt } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { GrowingFollower, type Fault } from './follower.ts'
import { Pace, playlistLoader, type Source } from './loaders.ts'
import { testChunk } from './testing.ts'
import { GrowingWindow } from './window.ts'

/** An hour of listening on a fast clock: a simulated origin and network, and the player's own follower, window and playlists. */

const CHUNK_MS = (AAC.chunkSamples * 1000) / SAMPLE_RATE
const HOUR_MS = 3_600_000
/** From a chunk's last sample to its arrival at the player. */
const LATE_MS = 60

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('location', { href: 'https://odeon.test/s/x' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))

/** What the network does to the n-th request. */
type Incident = 'none' | 'cut' | 'busy' | 'silent'

/** An origin that has every chunk `LATE_MS` after its last sample, since `performance.now()` was 0. */
function simulatedOrigin(incident: (request: number) => Incident) {
  const state = { requests: 0, open: 0, mostOpen: 0 }
  const ask = async (url: string, signal: AbortSignal): Promise<Response> => {
    const happens = incident(state.requests++)
    if (happens === 'busy') return new Response('', { status: 503, headers: { 'retry-after': '1' } })
    const msn = Number(/(\d+)\.m4s$/.exec(url)![1])
    const at = (chunk: number): number => (msn * AAC.chunksPerSegment + chunk + 1) * CHUNK_MS + LATE_MS
    state.mostOpen = Math.max(state.mostOpen, ++state.open)
    let over = false
    const leave = (): void => {
      if (!over) state.open--
      over = true
    }
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        signal.addEventListener('abort', () => {
          leave()
          try {
            controller.error(signal.reason)
          } catch {
            // It had ended.
          }
        })
        for (let chunk = 0; chunk < AAC.chunksPerSegment && !over; chunk++) {
          await rest(at(chunk) - performance.now())
          if (over) return
          if (chunk === 9 && happens === 'silent') return // A changed network: nobody says that it is gone.
          if (chunk === 9 && happens === 'cut') {
            controller.enqueue(testChunk(msn, chunk).subarray(0, 50))
            break
          }
          controller.enqueue(testChunk(msn, chunk))
        }
        leave()
        controller.close()
      },
    })
    return new Response(body)
  }
  return { state, ask }
}

/** Listens for `ms` of simulated time, asking for playlists as hls.js does. */
async function listen(ms: number, incident: (request: number) => Incident, hidden: boolean) {
  const origin = simulatedOrigin(incident)
  const window = new GrowingWindow(AAC)
  const source: Source = {
    window,
    facts: { startedAt: 0, roundTripMs: 0 },
    init: undefined,
    pace: new Pace(),
  }
  const faults: Fault[] = []
  const begin = 100
  await vi.advanceTimersByTimeAsync(begin * AAC.chunksPerSegment * CHUNK_MS + 500 - performance.now())
  const follower = new GrowingFollower({
    base: 'https://odeon.test/live/x/aac/',
    window,
    msn: begin - 1,
    fetch: (url, init) => origin.ask(String(url), init!.signal!),
    now: () => performance.now(),
    wait: rest,
    hidden: () => hidden,
    onFault: (fault) => faults.push(fault),
  })
  const Playlist = playlistLoader(class {} as never, source)
  const lateness: number[] = []
  let longest = 0
  let open = true
  const poll = async (): Promise<void> => {
    let query = ''
    while (open) {
      const text = await new Promise<string>((resolve, reject) => {
        const loader = new Playlist({})
        loader.load(
          { url: `https://odeon.test/live/x/aac/index.m3u8${query}`, type: 'level' },
          {},
          {
            onSuccess: ({ data }) => resolve(data as string),
            onError: ({ text }) => reject(new Error(text)),
          },
        )
      })
      longest = Math.max(longest, text.length)
      const { msn, chunk } = window.edge!
      lateness.push(performance.now() - (msn * AAC.chunksPerSegment + chunk + 1) * CHUNK_MS - LATE_MS)
      const next = chunkAt(AAC, (msn * AAC.chunksPerSegment + chunk + 1) * AAC.chunkSamples)
      query = `?_HLS_msn=${next.msn + 1}&_HLS_part=${next.chunk}`
    }
  }
  void poll()
  const first = performance.now()
  await vi.advanceTimersByTimeAsync(ms)
  open = false
  follower.close()
  return { origin: origin.state, window, faults, lateness, longest, passed: performance.now() - first }
}

test.each([false, true])(
  'an hour, page hidden: %s: one request a segment, nothing late, and no more kept than at the beginning',
  { timeout: 120_000 },
  async (hidden) => {
    const { origin, window, faults, lateness, longest, passed } = await listen(HOUR_MS, () => 'none', hidden)
    expect(faults).toEqual([])
    const segments = passed / (AAC.chunksPerSegment * CHUNK_MS)
    expect(origin.requests).toBeGreaterThan(segments - 2)
    expect(origin.requests).toBeLessThan(segments + 4)
    expect(origin.mostOpen).toBe(2)
    expect(lateness.length, 'a playlist for each chunk').toBeGreaterThan(passed / CHUNK_MS - 30)
    expect(Math.max(...lateness.slice(5))).toBeLessThan(25)
    expect(longest, 'characters of a playlist').toBeLessThan(8000)
    const kept = Array.from({ length: 2000 }, (_, msn) => window.chunksFrom(msn)).reduce((a, b) => a + b)
    expect(kept).toBeLessThanOrEqual(8 * AAC.chunksPerSegment)
  },
)

test(
  'an hour in which answers are cut, refused for a second and forgotten by the network: every chunk comes, nobody gives up',
  { timeout: 120_000 },
  async () => {
    const incident = (request: number): Incident =>
      request % 40 === 13 ? 'cut' : request % 40 === 23 ? 'busy' : request % 40 === 33 ? 'silent' : 'none'
    const { window, faults, lateness } = await listen(HOUR_MS, incident, false)
    expect(faults).toEqual([])
    expect(
      Math.max(...lateness.slice(5)),
      'the silence after which a connection counts as dead',
    ).toBeLessThan(6000)
    const { msn, chunk } = window.edge!
    const now = (performance.now() - LATE_MS) / CHUNK_MS
    expect(now - (msn * AAC.chunksPerSegment + chunk + 1), 'at the edge').toBeLessThan(2 + 40)
    expect(window.isComplete(msn - 1)).toBe(true)
  },
)
