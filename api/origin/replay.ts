import { once } from 'node:events'
import { z } from 'zod'
import { Archive } from '@odeon/common/archive.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { aacInitKey, aacSegmentKey, archiveKey } from '@odeon/common/keys.ts'
import { holdsPosts } from '@odeon/common/removed-posts.ts'
import type { Objects } from '@odeon/common/ports.ts'
import { AAC } from '@odeon/common/rendition.ts'
import type { EpochMs } from '@odeon/common/time.ts'
import type { Complaints } from './complaints.ts'
import { answerStoredSegment, storeAway } from './live.ts'
import { replayPlaylist } from './playlist.ts'
import { abort, beginStream, CACHE, isGone, isHead, Prepared, send, TYPE, type Exchange } from './respond.ts'

/** What is below `/replay/:id/`: all of it out of the object store. */

export type ReplayTarget =
  { kind: 'playlist' | 'init' | 'archive' | 'download' } | { kind: 'segment'; msn: number }

export function replayTarget(path: string): ReplayTarget | undefined {
  if (path === 'index.m3u8') return { kind: 'playlist' }
  if (path === 'aac/init.mp4') return { kind: 'init' }
  if (path === 'archive.json') return { kind: 'archive' }
  if (path === 'audio.m4a') return { kind: 'download' }
  const segment = /^aac\/(0|[1-9]\d{0,11})\.m4s$/.exec(path)
  return segment ? { kind: 'segment', msn: Number(segment[1]) } : undefined
}

/** An archive without its events, which are handed on as they are. */
const Recording = z.object(Archive.shape).omit({ events: true })
type Recording = z.infer<typeof Recording>

interface Replay {
  recording: Recording
  init: Uint8Array
  playlist: Prepared
  archive: Prepared
  /** When it was last seen to be so in the object store. */
  seenAt: EpochMs
}

/** Replays in memory: the most, and the most bytes of them; those not asked for longest go first. */
const MOST_REPLAYS = 64
const MOST_BYTES = 64 * 1024 * 1024
/** What is in memory is looked at again after this: a host may have taken posts out of it. */
export const FRESH_MS = 5000
/** A download that takes nothing for so long is given up. */
const STUCK_MS = 60_000

export interface ReplaysOptions {
  objects: Objects
  complaints: Complaints
  now: () => EpochMs
}

export class Replays {
  readonly #objects: Objects
  readonly #complaints: Complaints
  readonly #known = new Map<string, Replay>()
  readonly #loading = new Map<string, Promise<Replay | undefined>>()
  readonly #now: () => EpochMs
  readonly #stop = new AbortController()

  constructor({ objects, complaints, now }: ReplaysOptions) {
    this.#objects = objects
    this.#now = now
    this.#complaints = complaints
  }

  /** Throws an AppError while nothing was answered. */
  async answer(exchange: Exchange, id: string, target: ReplayTarget): Promise<void> {
    if (target.kind === 'segment')
      return answerStoredSegment(
        exchange,
        { id, rendition: AAC },
        target.msn,
        { objects: this.#objects, complaints: this.#complaints },
        (body) => (holdsPosts(body) ? CACHE.said : CACHE.forever),
      )
    const replay = await this.#replay(id)
    if (!replay) throw new AppError(404, 'no_recording', `There is no recording of a space ${id}.`)
    switch (target.kind) {
      case 'playlist':
        return send(exchange, { type: TYPE.playlist, cache: CACHE.replay, body: replay.playlist })
      case 'archive':
        return send(exchange, { type: TYPE.json, cache: CACHE.archive, body: replay.archive })
      case 'init':
        return send(exchange, { type: TYPE.media, cache: CACHE.forever, body: replay.init })
      case 'download':
        return this.#download(exchange, replay)
    }
  }

  /** Breaks off the downloads. */
  close(): void {
    this.#stop.abort()
  }

  async #replay(id: string): Promise<Replay | undefined> {
    const known = this.#known.get(id)
    if (known) {
      this.#known.delete(id) // To the end: the first is the one not asked for longest.
      this.#known.set(id, known)
      if (this.#now() - known.seenAt < FRESH_MS) return known
    }
    const loading = this.#loading.get(id) ?? this.#load(id, known).finally(() => this.#loading.delete(id))
    this.#loading.set(id, loading)
    return loading
  }

  /** `known` stays what it is where nothing has changed, or where nobody can tell. */
  async #load(id: string, known: Replay | undefined): Promise<Replay | undefined> {
    let body: Uint8Array | undefined
    let init: Uint8Array | undefined
    try {
      body = await this.#objects.get(archiveKey(id))
      init = body && ((await this.#objects.get(aacInitKey(id))) ?? aacInit())
    } catch (error) {
      this.#complaints.warn({ space: id, reason: messageOf(error) }, 'A recording could not be read.')
      if (!known) throw storeAway(error)
      known.seenAt = this.#now()
      return known
    }
    if (!body || !init) return this.#gone(id)
    if (known?.archive.plain.equals(body)) {
      known.seenAt = this.#now()
      return known
    }
    const recording = this.#parse(id, body)
    if (!recording.segments.some(({ gap }) => !gap)) return undefined
    const replay = {
      recording,
      init,
      playlist: await Prepared.of(replayPlaylist(recording)),
      archive: await Prepared.of(body),
      seenAt: this.#now(),
    }
    this.#keep(id, replay)
    return replay
  }

  #gone(id: string): undefined {
    this.#known.delete(id)
  }

  #parse(id: string, body: Uint8Array): Recording {
    try {
      return Recording.parse(JSON.parse(new TextDecoder().decode(body)))
    } catch (error) {
      this.#complaints.error({ space: id, reason: messageOf(error) }, 'An archive is not what it should be.')
      throw new AppError(500, 'damaged_recording', `The recording of ${id} is damaged.`, { cause: error })
    }
  }

  #keep(id: string, replay: Replay): void {
    this.#known.delete(id)
    this.#known.set(id, replay)
    const size = ({ archive, playlist }: Replay) => archive.plain.length * 2 + playlist.plain.length * 2
    let bytes = [...this.#known.values()].reduce((sum, one) => sum + size(one), 0)
    for (const [oldest, one] of this.#known) {
      if (this.#known.size <= MOST_REPLAYS && bytes <= MOST_BYTES) break
      this.#known.delete(oldest)
      bytes -= size(one)
    }
  }

  /** The recording as one fragmented MP4, or the range of it that was asked for, at the pace of whoever takes it. */
  async #download(exchange: Exchange, { recording, init }: Replay): Promise<void> {
    const { request, response } = exchange
    const stored = recording.segments.filter(({ gap }) => !gap)
    const total = init.length + stored.reduce((sum, { bytes }) => sum + bytes, 0)
    const asked = request.headers['if-range'] === undefined ? request.headers.range : undefined
    const range = parseRange(asked, total)
    if (range === 'unsatisfiable') {
      return send(exchange, {
        type: TYPE.media,
        cache: CACHE.none,
        body: Buffer.alloc(0),
        status: 416,
        headers: { 'content-range': `bytes */${total}` },
      })
    }
    const { start, end } = range ?? { start: 0, end: total - 1 }
    beginStream(
      exchange,
      {
        'content-type': TYPE.media,
        'cache-control': CACHE.replay,
        'content-length': end - start + 1,
        'accept-ranges': 'bytes',
        'content-disposition': disposition(recording.title ?? recording.id),
        ...(range ? { 'content-range': `bytes ${start}-${end}/${total}` } : {}),
      },
      range ? 206 : 200,
    )
    if (isHead(exchange)) return
    try {
      let at = 0
      for (const piece of [undefined, ...stored]) {
        const size = piece?.bytes ?? init.length
        const from = Math.max(0, start - at)
        const to = Math.min(size, end + 1 - at)
        at += size
        if (from >= size || to <= from) continue
        const bytes = piece ? await this.#segment(recording.id, piece) : init
        if (isGone(exchange)) return
        this.#stop.signal.throwIfAborted()
        if (!response.write(bytes.subarray(from, to))) await this.#drained(exchange)
      }
      response.end()
    } catch (error) {
      if (!isGone(exchange))
        this.#complaints.warn({ space: recording.id, reason: messageOf(error) }, 'A download was broken off.')
      abort(response) // The head promised more than there is.
    }
  }

  async #segment(id: string, { msn, bytes }: { msn: number; bytes: number }): Promise<Uint8Array> {
    const body = await this.#objects.get(aacSegmentKey(id, msn))
    if (body?.length !== bytes)
      throw new Error(`Segment ${msn} has ${body?.length ?? 'no'} bytes, not ${bytes}.`)
    return body
  }

  /** Returns when there is room again; throws when the client has gone or takes nothing. */
  async #drained(exchange: Exchange): Promise<void> {
    const gone = new AbortController()
    const leave = () => gone.abort()
    exchange.response.once('close', leave)
    const signal = AbortSignal.any([gone.signal, this.#stop.signal, AbortSignal.timeout(STUCK_MS)])
    try {
      await once(exchange.response, 'drain', { signal })
    } finally {
      exchange.response.off('close', leave)
    }
  }
}

/** One range of bytes (RFC 9110 §14.2); undefined for whatever else, which is answered with the whole. */
export function parseRange(
  header: string | undefined,
  total: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const suffix = Math.min(Number(match[2]), total)
    return suffix === 0 ? 'unsatisfiable' : { start: total - suffix, end: total - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? total - 1 : Math.min(Number(match[2]), total - 1)
  if (match[2] !== '' && Number(match[2]) < start) return undefined
  return start >= total ? 'unsatisfiable' : { start, end }
}

/** RFC 6266: a name in ASCII for old clients, and the true one. */
function disposition(title: string): string {
  const name = title.replace(/[\u0000-\u001f\u007f/\\]/g, ' ').trim() || 'recording'
  const ascii = name.replace(/[^\x20-\x7e]|["%]/g, '_')
  const exact = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}.m4a"; filename*=UTF-8''${exact}.m4a`
}
