import type { Rendition } from '@odeon/common/rendition.ts'
import { NUMBERED_FROM, parsePartName, writePlaylist, type PlaylistFacts } from './playlist.ts'
import type { GrowingWindow } from './window.ts'

/**
 * hls.js's loaders, answering out of the window instead of the network. Only what they need of hls.js's types is written here, so that
 * `hls.ts` remains the one file that knows the library.
 */

export interface Source {
  window: GrowingWindow
  /** Known before the first chunk is in the window. */
  facts: PlaylistFacts
  /** The init segment, if it was fetched before it was asked for. */
  init: ArrayBuffer | undefined
  pace: Pace
}

/** Whoever was never told that a part was taken in (it was given up, or could not be) waits no longer. */
const MOST_SETTLE_MS = 1000

/**
 * Keeps a new playlist from overtaking a part that hls.js is still taking in: it would forget that it has that part, and at the end of the
 * segment look for it instead of going on (1.7.4). Within 5 ms where it was measured; much later on a busy machine, or when a source opens.
 */
export class Pace {
  #busyUntil = 0
  #waiting: (() => void)[] = []

  partAnswered(): void {
    this.#busyUntil = performance.now() + MOST_SETTLE_MS
  }

  /** hls.js has it in its buffer. */
  partTaken(): void {
    this.#busyUntil = 0
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async settled(): Promise<void> {
    for (let left = 0; (left = this.#busyUntil - performance.now()) > 0;) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

interface Timing {
  start: number
  first: number
  end: number
}

export interface Stats {
  aborted: boolean
  loaded: number
  retry: number
  total: number
  chunkCount: number
  bwEstimate: number
  loading: Timing
  parsing: { start: number; end: number }
  buffering: Timing
}

export interface Context {
  url: string
  type?: string
  part?: unknown
}

export interface Callbacks<C> {
  onSuccess(
    response: { url: string; data: string | ArrayBuffer; code: number },
    stats: Stats,
    context: C,
    details: null,
  ): void
  onError(error: { code: number; text: string }, context: C, details: null, stats: Stats): void
  onTimeout?(stats: Stats, context: C, details: null): void
}

export interface Loader<C> {
  context: C | null
  stats: Stats
  load(context: C, config: unknown, callbacks: Callbacks<C>): void
  abort(): void
  destroy(): void
  getCacheAge?(): number | null
  getResponseHeader?(name: string): string | null
}

export type LoaderClass<C, A> = new (config: A) => Loader<C>

const noStats = (): Stats => ({
  aborted: false,
  loaded: 0,
  retry: 0,
  total: 0,
  chunkCount: 0,
  bwEstimate: 0,
  loading: { start: 0, first: 0, end: 0 },
  parsing: { start: 0, end: 0 },
  buffering: { start: 0, first: 0, end: 0 },
})

/** Answers a load once `answer` has one, never synchronously; `undefined` hands it to the network. */
function memoryLoader<C extends Context, A>(
  network: LoaderClass<C, A>,
  answer: (context: C, signal: AbortSignal) => Promise<string | ArrayBuffer> | undefined,
): LoaderClass<C, A> {
  return class MemoryLoader implements Loader<C> {
    context: C | null = null
    stats = noStats()
    readonly #config: A
    readonly #abort = new AbortController()
    #network: Loader<C> | undefined

    constructor(config: A) {
      this.#config = config
    }

    load(context: C, config: unknown, callbacks: Callbacks<C>): void {
      this.context = context
      const answered = answer(context, this.#abort.signal)
      if (!answered) {
        this.#network = new network(this.#config)
        this.stats = this.#network.stats
        this.#network.load(context, config, callbacks)
        return
      }
      const { loading } = this.stats
      loading.start = performance.now()
      answered.then(
        (data) => {
          if (this.stats.aborted) return
          const size = typeof data === 'string' ? data.length : data.byteLength
          loading.first = loading.end = performance.now()
          this.stats.loaded = this.stats.total = size
          const url = new URL(context.url, location.href).href // As from the network: what is relative is relative to it.
          callbacks.onSuccess({ url, data, code: 200 }, this.stats, context, null)
        },
        (error: unknown) => {
          if (!this.stats.aborted)
            callbacks.onError({ code: 404, text: String(error) }, context, null, this.stats)
        },
      )
    }

    abort(): void {
      if (this.#network) return this.#network.abort()
      this.stats.aborted = true
      this.#abort.abort()
    }
    destroy(): void {
      if (this.#network) return this.#network.destroy()
      this.abort()
    }
    getCacheAge(): number | null {
      return this.#network?.getCacheAge?.() ?? null
    }
    getResponseHeader(name: string): string | null {
      return this.#network?.getResponseHeader?.(name) ?? null
    }
  }
}

/** hls.js begins three parts before the end: one more, so that this lies in the growing segment. */
const FIRST_CHUNKS = 4

/** One variant, as the origin itself has it: nothing to ask for, and nothing to switch to. */
const variant = ({ name, codecs }: Rendition): string => `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS="${codecs}"
${name}/index.m3u8
`

/** The network's playlists, of one rendition alone. */
export const pinnedLoader = <C extends Context, A>(
  network: LoaderClass<C, A>,
  rendition: Rendition,
): LoaderClass<C, A> =>
  memoryLoader(network, ({ type }) => (type === 'manifest' ? Promise.resolve(variant(rendition)) : undefined))

/** Media playlists, written from the window; blocking reload waits for its chunk. */
export function playlistLoader<C extends Context, A>(
  network: LoaderClass<C, A>,
  source: Source,
): LoaderClass<C, A> {
  return memoryLoader(network, (context, signal) => {
    if (context.type === 'manifest') return Promise.resolve(variant(source.window.rendition))
    if (context.type !== 'level') return undefined
    return playlistWith(source, new URL(context.url, location.href).searchParams, signal)
  })
}

async function playlistWith(source: Source, query: URLSearchParams, signal: AbortSignal): Promise<string> {
  const { window, pace } = source
  const msn = Number(query.get('_HLS_msn') ?? NaN) - NUMBERED_FROM
  const part = Number(query.get('_HLS_part') ?? 0)
  const isThere = (): boolean => {
    const { edge, first } = window
    if (!edge) return false
    if (window.ended) return true
    // To begin with, a whole segment and enough of the growing one that sound begins within it.
    if (Number.isNaN(msn)) return edge.msn > first! && edge.chunk + 1 >= FIRST_CHUNKS
    return edge.msn > msn || (edge.msn === msn && edge.chunk >= part)
  }
  while (!isThere() && !signal.aborted) await window.changed(signal)
  await pace.settled()
  const text = writePlaylist(window, source.facts)
  if (text === undefined) throw new Error('the window is empty')
  return text
}

/** Chunks and whole segments out of the window; what it does not have, from the network. */
export function fragmentLoader<C extends Context, A>(
  network: LoaderClass<C, A>,
  source: Source,
): LoaderClass<C, A> {
  return memoryLoader(network, (context) => {
    const { window, init } = source
    if (init && context.url.endsWith('/init.mp4')) return Promise.resolve(init.slice(0))
    const part = parsePartName(context.url)
    const msn = /\/(\d+)\.m4s$/.exec(context.url)?.[1]
    const bytes = part
      ? window.chunk(part.msn, part.chunk)?.bytes.slice()
      : msn === undefined
        ? undefined
        : window.segment(Number(msn))
    if (bytes) source.pace.partAnswered()
    if (bytes) return Promise.resolve(bytes.buffer) // Fresh each time: hls.js transfers it.
    return part ? Promise.reject(new Error('This chunk is no longer kept.')) : undefined
  })
}
