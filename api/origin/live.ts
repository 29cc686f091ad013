import { aacInit, opusInit } from '@odeon/common/cmaf-init.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { aacSegmentKey } from '@odeon/common/keys.ts'
import { AAC, RENDITIONS, type Rendition, type RenditionName } from '@odeon/common/rendition.ts'
import type { Objects } from '@odeon/common/ports.ts'
import type { EpochMs } from '@odeon/common/time.ts'
import type { Complaints } from './complaints.ts'
import { decide, parseDirectives, type Decision } from './directives.ts'
import type { LiveSpace } from './follow.ts'
import { GrowingReader } from './growing.ts'
import { MULTIVARIANT } from './playlist.ts'
import { beginStream, CACHE, isGone, isHead, Prepared, send, sendError, TYPE } from './respond.ts'
import type { Exchange } from './respond.ts'
import { findSegment, hintedPart, partBytes, segmentBytes } from './window.ts'

/** What is below `/live/:id/`, once the space is known. Everything but old segments is answered from memory. */

export interface LiveOptions {
  objects: Objects
  complaints: Complaints
  now: () => EpochMs
  /** How long a request is held, ms: three target durations (rfc8216bis §6.2.5.2). */
  holdMs: number
  /** Bytes that a reader of a growing segment may leave lying. */
  maxUnsentBytes: number
  /** False when so many requests wait already that this one may not. */
  mayWait: () => boolean
}

export type LiveTarget = { kind: 'multivariant' } | { kind: 'audience' } | RenditionTarget

export type RenditionTarget = { rendition: Rendition } & (
  | { kind: 'playlist' | 'init' }
  | { kind: 'segment'; msn: number }
  | { kind: 'part'; msn: number; part: number }
)

/** What the rest of a path under `/live/:id/` names; undefined for anything that we never called so. */
export function liveTarget(path: string): LiveTarget | undefined {
  if (path === 'index.m3u8') return { kind: 'multivariant' }
  if (path === 'audience.json') return { kind: 'audience' }
  // Each number has one spelling, so that each segment has one URL.
  const match =
    /^(aac|opus)\/(?:(index\.m3u8)|(init\.mp4)|(0|[1-9]\d{0,11})(?:\.(0|[1-9]\d{0,3}))?\.m4s)$/.exec(path)
  if (!match) return undefined
  const rendition = RENDITIONS[match[1] as RenditionName]
  if (match[2]) return { kind: 'playlist', rendition }
  if (match[3]) return { kind: 'init', rendition }
  const msn = Number(match[4])
  return match[5] === undefined
    ? { kind: 'segment', rendition, msn }
    : { kind: 'part', rendition, msn, part: Number(match[5]) }
}

const INIT: Record<RenditionName, Buffer> = { aac: Buffer.from(aacInit()), opus: Buffer.from(opusInit()) }
const MULTIVARIANT_BYTES = new Prepared(MULTIVARIANT)

/** The same for every space that is there. */
export const answerMultivariant = (exchange: Exchange): void =>
  send(exchange, { type: TYPE.playlist, cache: CACHE.media, body: MULTIVARIANT_BYTES })

/** `space` is what is followed of the rendition that is asked for. */
export function answerLive(
  exchange: Exchange,
  space: LiveSpace,
  target: RenditionTarget,
  query: URLSearchParams,
  options: LiveOptions,
): void {
  switch (target.kind) {
    case 'init':
      return send(exchange, { type: TYPE.media, cache: CACHE.media, body: INIT[target.rendition.name] })
    case 'playlist':
      return answerPlaylist(exchange, space, query, options)
    case 'part':
      return answerPart(exchange, space, target, options)
    case 'segment':
      return answerSegment(exchange, space, target.msn, options)
  }
}

function answerPlaylist(
  exchange: Exchange,
  space: LiveSpace,
  query: URLSearchParams,
  options: LiveOptions,
): void {
  const parsed = parseDirectives(query)
  const blocking = query.has('_HLS_msn')
  space.audience.playlistAsked(options.now(), blocking)
  const check = (): Exclude<Decision, { kind: 'wait' }> | undefined => {
    const decision = decide(space.window, parsed)
    return decision.kind === 'wait' ? undefined : decision
  }
  hold(exchange, space, options, check, (decision) => {
    switch (decision.kind) {
      case 'now':
        return send(exchange, {
          type: TYPE.playlist,
          cache: blocking ? CACHE.blockingPlaylist : CACHE.playlist,
          body: space.playlist(decision.skip),
        })
      case 'refuse':
        return sendError(exchange, new AppError(400, 'bad_directive', decision.message))
      case 'nothing':
        return sendError(
          exchange,
          new AppError(404, 'ended', `Space ${space.id} is over; its recording is at /replay/${space.id}/.`),
        )
    }
  })
}

function answerPart(
  exchange: Exchange,
  space: LiveSpace,
  { msn, part }: { msn: number; part: number },
  options: LiveOptions,
): void {
  const { window } = space
  /** No byte of a part is sent before all of it is there (§6.2.6). */
  const check = (): Uint8Array | 'none' | undefined => {
    const segment = findSegment(window, msn)
    const bytes = segment && partBytes(segment, part)
    if (bytes) return bytes
    const hint = hintedPart(window)
    return hint?.msn === msn && hint.part === part ? undefined : 'none'
  }
  hold(exchange, space, options, check, (bytes) => {
    if (bytes === 'none')
      return sendError(
        exchange,
        new AppError(404, 'no_part', `Segment ${msn} has no part ${part}, nor is it the next.`),
      )
    send(exchange, { type: TYPE.media, cache: CACHE.media, body: bytes })
  })
}

/**
 * A segment: whole from memory, whole from the store once it has left the window, or as it grows. One that does not exist yet is waited
 * for if it grows now or is the next.
 */
function answerSegment(exchange: Exchange, space: LiveSpace, msn: number, options: LiveOptions): void {
  const { window } = space
  if (window.segments[0] && msn < window.segments[0].msn)
    return void answerStoredSegment(exchange, space, msn, options)
  const check = (): 'whole' | 'growing' | 'stored' | 'none' | undefined => {
    const segment = findSegment(window, msn)
    if (segment) return segment.complete ? 'whole' : 'growing'
    if (window.ended) return window.segments.length === 0 ? 'stored' : 'none'
    if (!window.next) return undefined
    return msn < window.next.msn ? 'stored' : msn > window.next.msn + 1 ? 'none' : undefined
  }
  const first = check()
  if (first === 'growing' || first === undefined) countReader(exchange, space, msn)
  hold(exchange, space, options, check, (found) => {
    switch (found) {
      case 'whole':
        return send(exchange, {
          type: TYPE.media,
          cache: CACHE.media,
          body: segmentBytes(findSegment(window, msn)!),
        })
      case 'growing':
        return followSegment(exchange, space, options)
      case 'stored':
        return void answerStoredSegment(exchange, space, msn, options)
      case 'none':
        return sendError(
          exchange,
          new AppError(404, 'no_segment', `Segment ${msn} does not exist and is not the next.`),
          CACHE.none,
        )
    }
  })
}

/** Counts a listener, and uncounts one who leaves before the end. */
function countReader(exchange: Exchange, space: LiveSpace, msn: number): void {
  exchange.kind = 'growing'
  if (isHead(exchange)) return
  const left = space.audience.segmentAsked(msn)
  exchange.response.once('close', () => {
    if (!exchange.response.writableEnded) left()
  })
}

function followSegment(exchange: Exchange, space: LiveSpace, options: LiveOptions): void {
  const { response, metrics } = exchange
  if (isGone(exchange)) return
  beginStream(exchange, { 'content-type': TYPE.media, 'cache-control': CACHE.media })
  if (isHead(exchange)) return
  const reader = new GrowingReader({
    response,
    maxUnsentBytes: options.maxUnsentBytes,
    onDrop: () => metrics.droppedSockets.inc(),
  })
  response.once('close', space.follow(reader))
}

/** From the object store, which may take its time or be away: 404 if there is none, 503 if nobody can tell. Only AAC is ever stored. */
export async function answerStoredSegment(
  exchange: Exchange,
  { id, rendition }: { id: string; rendition: Rendition },
  msn: number,
  { objects, complaints }: { objects: Objects; complaints: Complaints },
  cacheOf: (body: Uint8Array) => string = () => CACHE.media,
): Promise<void> {
  try {
    const body = rendition === AAC ? await objects.get(aacSegmentKey(id, msn)) : undefined
    if (body) return send(exchange, { type: TYPE.media, cache: cacheOf(body), body })
    sendError(exchange, new AppError(404, 'no_segment', `There is no segment ${msn}.`), CACHE.none)
  } catch (error) {
    complaints.warn(
      { space: id, msn, reason: messageOf(error) },
      'A segment could not be read from the store.',
    )
    sendError(exchange, storeAway(), CACHE.none)
  }
}

export const storeAway = (cause?: unknown): AppError =>
  new AppError(503, 'store_unavailable', 'The store of recordings does not answer. Try again.', { cause })

/** Answers as soon as `check` knows what; 503 after `holdMs`. A client who leaves takes his wish along. */
function hold<T>(
  exchange: Exchange,
  space: LiveSpace,
  { holdMs, mayWait }: LiveOptions,
  check: () => T | undefined,
  answer: (found: T) => void,
): void {
  const found = check()
  if (found !== undefined) return answer(found)
  if (!mayWait())
    return sendError(exchange, new AppError(503, 'busy', 'Too many requests wait here already.'), CACHE.none)
  const cancel = space.when(check, holdMs, (late) => {
    if (late !== undefined) return answer(late)
    sendError(exchange, new AppError(503, 'not_yet', `Nothing new came within ${holdMs / 1000} s.`))
  })
  exchange.response.once('close', cancel)
}
