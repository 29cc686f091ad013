import { ChunkSplitter } from './chunk-splitter.ts'
import type { Origins } from '../origins.ts'
import { readPlaylist } from './playlist.ts'
import type { GrowingWindow } from './window.ts'

/** Why the growing segments can't be followed here. */
export type Fault =
  /** A proxy holds the answers back and lets them out in one go. */
  | { kind: 'bursts' }
  /** The response failed twice, or was no CMAF. */
  | { kind: 'broken'; message: string }
  /** The origin is at another place of the timeline, as after a restart. */
  | { kind: 'elsewhere' }
  /** The origin says that there is no such space any more. */
  | { kind: 'gone' }
  /** Nobody answers: the network, or the server, is away. */
  | { kind: 'unreachable' }

export interface FollowerOptions {
  /** `/live/{id}/aac/`, or whichever rendition the window is of. */
  base: string
  window: GrowingWindow
  /** The segment to begin with: the one before the growing one, so that there is something to begin with. */
  msn: number
  fetch(url: string, init: RequestInit): Promise<Response>
  /** The servers behind `fetch`, if there are several. */
  origins?: Pick<Origins, 'address' | 'failed' | 'count'>
  /** Milliseconds on a steady clock. */
  now(): number
  wait(ms: number, signal: AbortSignal): Promise<void>
  /** True while nobody looks: then one request is open, not two. */
  hidden(): boolean
  onFault(fault: Fault): void
}

/** Without a chunk for so long, the connection is taken for dead (a changed network), and the segment asked for again. */
const SILENCE_MS = 4000
/** And where there is another server to turn to. */
const SILENCE_OF_MANY_MS = 1500
/** So many segments in a row that came in one go. */
const MOST_BURSTS = 2
const BURST_MS = 60
const RETRY_MS = 250
const MOST_RETRY_AFTER_MS = 10_000

type Outcome = 'stop' | 'end'

class Failed extends Error {}
class Unreachable extends Error {}

/**
 * Reads one growing segment after the other into the window, the next one asked for while the current one grows. Ends when the space
 * ends (the window is told), with a fault, or when `close` is called.
 */
export class GrowingFollower {
  readonly #options: FollowerOptions
  readonly #abort = new AbortController()
  #bursts = 0
  #fault = false
  /** Gives up what is under way, to be asked for again elsewhere. */
  readonly #attempts = new Set<() => void>()

  constructor(options: FollowerOptions) {
    this.#options = options
    options.window.begin(options.msn)
    void this.#run(options.msn)
  }

  close(): void {
    this.#abort.abort()
  }

  async #run(first: number): Promise<void> {
    let current = this.#segment(first)
    let next: Promise<Outcome> | undefined = this.#segment(first + 1) // The growing one, at once: sound after one round trip.
    for (let msn = first; this.#active; msn++) {
      if ((await current) === 'end') {
        const { window } = this.#options
        return window.edge ? window.end() : this.#fail({ kind: 'gone' }) // It was over before there was anything.
      }
      current = next ?? this.#segment(msn + 1)
      next = this.#options.hidden()
        ? undefined
        : this.#begun(msn + 1, current).then(() => this.#segment(msn + 2))
    }
  }

  get #active(): boolean {
    return !this.#abort.signal.aborted && !this.#options.window.ended
  }

  /** Resolves when the first chunk of a segment is there, or the segment is over. */
  async #begun(msn: number, segment: Promise<Outcome>): Promise<void> {
    const { window } = this.#options
    let over = false
    const ended = segment.then(() => (over = true))
    while (!over && this.#active && window.chunksFrom(msn) === 0)
      await Promise.race([window.changed(this.#abort.signal), ended])
  }

  get #others(): number {
    return (this.#options.origins?.count ?? 1) - 1
  }

  /** Reads a segment to its end, once more if it breaks, and at once where there is another server. `end`: nothing comes after it. */
  async #segment(msn: number): Promise<Outcome> {
    for (let failures = 0; this.#active;) {
      try {
        const outcome = await this.#read(msn)
        if (outcome === 'complete') return 'stop'
        if (outcome === 'over') return await this.#afterTheEnd(msn)
      } catch (error) {
        if (!this.#active) return 'stop'
        if (++failures >= 2 + this.#others) {
          this.#fail(
            error instanceof Unreachable
              ? { kind: 'unreachable' }
              : { kind: 'broken', message: String(error) },
          )
          return 'stop'
        }
        if (failures > this.#others) await this.#options.wait(RETRY_MS, this.#abort.signal)
      }
    }
    return 'stop'
  }

  async #read(msn: number): Promise<'complete' | 'over' | 'again'> {
    const { base, window, fetch, origins, now, wait } = this.#options
    const url = `${base}${msn}.m4s`
    let server = origins?.address(url) ?? url
    const attempt = new AbortController()
    const stop = (): void => attempt.abort()
    this.#abort.signal.addEventListener('abort', stop)
    const arrivals: number[] = []
    let heard = now()
    let silent = false
    const giveUp = (): void => {
      silent = true
      stop()
    }
    this.#attempts.add(giveUp)
    const watch = setInterval(() => {
      // Only the segment whose turn it is owes us anything; the next one waits.
      if (arrivals.length === 0 && window.edge && window.edge.msn < msn && !window.isComplete(msn - 1))
        heard = now()
      if (now() - heard < (this.#others > 0 ? SILENCE_OF_MANY_MS : SILENCE_MS)) return
      origins?.failed(server)
      if (this.#others === 0) return giveUp()
      for (const each of this.#attempts) each() // Of the next segment too, which waits there in vain.
    }, 500)
    try {
      const response = await fetch(url, { signal: attempt.signal }).catch((cause: unknown) => {
        throw new Unreachable('Nobody answered.', { cause })
      })
      server = response.url || server
      if (response.status === 404) return 'over'
      if (response.status === 503 || response.status === 429) {
        const seconds = Number(response.headers.get('retry-after') ?? 1)
        await wait(Math.min(MOST_RETRY_AFTER_MS, (seconds || 1) * 1000), this.#abort.signal)
        return 'again'
      }
      if (!response.ok || !response.body) throw new Failed(`The origin answered ${response.status}.`)
      const splitter = new ChunkSplitter(window.rendition)
      const reader = response.body.getReader()
      const begunEarly = window.chunksFrom(msn) === 0 && (window.edge?.msn ?? msn) < msn
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        heard = now()
        for (const chunk of splitter.push(value)) if (window.add(chunk)) arrivals.push(now())
      }
      if (splitter.pending > 0) throw new Failed('The response was cut in the middle of a chunk.')
      if (begunEarly) this.#judge(arrivals)
      return window.isComplete(msn) ? 'complete' : 'over'
    } catch (error) {
      if (silent) return 'again' // The stage may have stopped, or the network changed: no fault of the way we read.
      if (!(error instanceof Unreachable)) origins?.failed(server) // Unreachable: they were all asked.
      throw error
    } finally {
      this.#attempts.delete(giveUp)
      clearInterval(watch)
      this.#abort.signal.removeEventListener('abort', stop)
    }
  }

  /** Were the chunks of a segment that we waited for let out one by one? */
  #judge(arrivals: number[]): void {
    const spread = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)
    this.#bursts = arrivals.length > 3 && spread < BURST_MS ? this.#bursts + 1 : 0
    if (this.#bursts >= MOST_BURSTS) this.#fail({ kind: 'bursts' })
  }

  /** A segment that is not there or ended early: the space is over, or the origin is elsewhere. Its playlist tells. */
  async #afterTheEnd(msn: number): Promise<Outcome> {
    const { base, fetch } = this.#options
    const response = await fetch(`${base}index.m3u8`, { signal: this.#abort.signal })
    if (response.status === 404) this.#fail({ kind: 'gone' })
    if (!this.#active) return 'stop'
    if (!response.ok) throw new Failed(`The origin answered ${response.status}.`)
    const there = readPlaylist(await response.text())
    if (!there) throw new Failed('The origin’s playlist could not be read.')
    if (there.ended && there.growing <= msn + 1) return 'end'
    if (Math.abs(there.growing - msn) <= 1) throw new Failed('The segment ended early.')
    this.#fail({ kind: 'elsewhere' })
    return 'stop'
  }

  #fail(fault: Fault): void {
    if (this.#fault || !this.#active) return
    this.#fault = true
    this.close()
    this.#options.onFault(fault)
  }
}
