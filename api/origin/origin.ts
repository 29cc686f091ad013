import { AppError, messageOf } from '@odeon/common/errors.ts'
import { SpaceId } from '@odeon/common/ids.ts'
import { aacChunksKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { AAC } from '@odeon/common/rendition.ts'
import type { Registry } from '@odeon/common/metrics.ts'
import type { Log, Objects } from '@odeon/common/ports.ts'
import { TARGET_DURATION, type EpochMs } from '@odeon/common/time.ts'
import { createClock } from './clock.ts'
import { openComplaints } from './complaints.ts'
import { answerFace } from './faces.ts'
import {
  answerLive,
  answerMultivariant,
  answerStoredSegment,
  liveTarget,
  type LiveOptions,
  type LiveTarget,
} from './live.ts'
import { originMetrics } from './metrics.ts'
import { createNames } from './names.ts'
import { Replays, replayTarget, type ReplayTarget } from './replay.ts'
import {
  abort,
  CACHE,
  METHODS,
  sendError,
  sendJson,
  sendPreflight,
  type Exchange,
  type Kind,
  type Request,
  type Response,
} from './respond.ts'
import { Spaces } from './spaces.ts'

export interface OriginOptions {
  log: Log
  objects: Objects
  logger: Logger
  registry: Registry
  /** Epoch ms, with a fraction. */
  now?: () => EpochMs
  /** How long a request waits for what does not exist yet, ms; three target durations unless told. */
  holdMs?: number
  /** Bytes that the reader of a growing segment may leave lying before it is dropped; 256 KiB unless told. */
  maxUnsentBytes?: number
  /** Renditions of spaces followed at once; 1000 unless told. The idlest makes room, or the newcomer gets 503. */
  maxSpaces?: number
  /** Requests that wait at once; 20 000 unless told. The next one gets 503. */
  maxWaiting?: number
}

/** Playlists, parts, segments, recordings and the time, out of `Log` and `Objects` alone. */
export interface Origin {
  /** Answers the request, now or later, on HTTP/1.1 or HTTP/2; false if its path is not the origin's. Never throws. */
  handle(request: Request, response: Response): boolean
  /** Waiting requests get 503; what is being sent is broken off. */
  close(): Promise<void>
}

const MAX_URL = 2048 // Bytes; ours have less than a hundred.

export function createOrigin(options: OriginOptions): Origin {
  const { log, objects, now = createClock(), maxWaiting = 20_000 } = options
  const complaints = openComplaints(options.logger, now)
  const metrics = originMetrics(options.registry, () => ({
    spaces: spaces.size,
    waiting: spaces.waiting,
    listeners: spaces.listeners,
  }))
  const spaces = new Spaces({ log, complaints, metrics, now, maxSpaces: options.maxSpaces ?? 1000 })
  const names = createNames({ log, complaints, now })
  const replays = new Replays({ objects, complaints, now })
  const live: LiveOptions = {
    objects,
    complaints,
    now,
    holdMs: options.holdMs ?? 3 * TARGET_DURATION * 1000,
    maxUnsentBytes: options.maxUnsentBytes ?? 256 * 1024,
    mayWait: () => spaces.waiting < maxWaiting,
  }

  function answer(exchange: Exchange, path: Path): void {
    const { method } = exchange.request
    if (method === 'OPTIONS') {
      exchange.kind = 'preflight'
      return sendPreflight(exchange)
    }
    if (method !== 'GET' && method !== 'HEAD')
      throw new AppError(405, 'method_not_allowed', `${method} is not for this path; ${METHODS} are.`)
    if ((exchange.request.url ?? '').length > MAX_URL)
      throw new AppError(414, 'url_too_long', `The URL is longer than ${MAX_URL} bytes.`)
    if (path.kind === 'time') {
      exchange.kind = 'time'
      return sendJson(exchange, { now: now() }, CACHE.none)
    }
    if (path.kind === 'face') {
      exchange.kind = 'face'
      return later(exchange, answerFace(exchange, path.rest, { objects, complaints }))
    }
    if (!spaces.knows(path.id) && !SpaceId.safeParse(path.id).success) throw unknown(path.id)
    if (path.kind === 'replay') {
      const target = replayTarget(path.rest)
      if (!target) throw noSuchThing(path.rest)
      exchange.kind = REPLAY_KINDS[target.kind]
      return later(exchange, replays.answer(exchange, path.id, target))
    }
    const target = liveTarget(path.rest)
    if (!target) throw noSuchThing(path.rest)
    exchange.kind = target.kind
    answerSpace(exchange, path.id, target, new URLSearchParams(path.query))
  }

  function answerSpace(exchange: Exchange, id: string, target: LiveTarget, query: URLSearchParams): void {
    if (target.kind === 'audience') return later(exchange, answerAudience(exchange, id))
    if (target.kind === 'multivariant') {
      if (spaces.knows(id)) return answerMultivariant(exchange)
      // Every space has AAC, and whoever asks for this will probably ask for that.
      return later(
        exchange,
        fromLog(id, spaces.open(id, AAC)).then((space) => {
          if (!space) throw unknown(id)
          answerMultivariant(exchange)
        }),
      )
    }
    const followed = spaces.peek(id, target.rendition)
    if (followed) {
      followed.usedAt = now()
      return answerLive(exchange, followed, target, query, live)
    }
    later(
      exchange,
      fromLog(id, spaces.open(id, target.rendition)).then((space) => {
        if (space) return answerLive(exchange, space, target, query, live)
        // Its chunks are gone, but its recording may be there.
        if (target.kind === 'segment')
          return answerStoredSegment(exchange, { id, rendition: target.rendition }, target.msn, live)
        throw unknown(id)
      }),
    )
  }

  /** Who only counts the listeners does not listen: nothing is followed for it. */
  async function answerAudience(exchange: Exchange, id: string): Promise<void> {
    if (!spaces.knows(id) && !(await fromLog(id, log.newest(aacChunksKey(id))))) throw unknown(id)
    const sample = await names(id)
    sendJson(exchange, { listeners: spaces.knows(id) ? spaces.listenersOf(id) : 0, sample }, CACHE.audience)
  }

  /** What the log answers in good time; 503 otherwise. */
  async function fromLog<T>(id: string, asked: Promise<T>): Promise<T> {
    try {
      return await within(live.holdMs, asked)
    } catch (error) {
      if (error instanceof AppError) throw error
      complaints.warn({ space: id, reason: messageOf(error) }, 'A chunks log cannot be read.')
      throw new AppError(503, 'log_unavailable', `The log of space ${id} cannot be read. Try again.`)
    }
  }

  function later(exchange: Exchange, answered: Promise<void>): void {
    answered.catch((error: unknown) => fail(exchange, error))
  }

  function fail(exchange: Exchange, error: unknown): void {
    if (exchange.response.headersSent) {
      complaints.error({ path: exchange.request.url, reason: messageOf(error) }, 'An answer was broken off.')
      return abort(exchange.response)
    }
    if (error instanceof AppError) return sendError(exchange, error)
    complaints.error(
      { path: exchange.request.url, reason: messageOf(error) },
      'A request could not be answered.',
    )
    sendError(exchange, new AppError(500, 'internal', 'Something went wrong here, not with you.'))
  }

  return {
    handle(request, response) {
      const path = parsePath(request.url ?? '')
      if (!path) return false
      const exchange: Exchange = {
        request,
        response: response as Exchange['response'],
        metrics,
        kind: 'other',
      }
      // Who breaks the connection off loses his answer, and nobody else notices.
      exchange.response.on('error', () => {})
      try {
        answer(exchange, path)
      } catch (error) {
        fail(exchange, error)
      }
      return true
    },
    close() {
      replays.close()
      return spaces.close()
    },
  }
}

const REPLAY_KINDS: Record<ReplayTarget['kind'], Kind> = {
  playlist: 'replay_playlist',
  init: 'replay_media',
  segment: 'replay_media',
  archive: 'archive',
  download: 'download',
}

type Path =
  | { kind: 'time' }
  | { kind: 'face'; rest: string }
  | { kind: 'live' | 'replay'; id: string; rest: string; query: string }

/** Undefined for a path that is somebody else's. Nothing is decoded: our own paths need no escapes, and no other is answered. */
function parsePath(url: string): Path | undefined {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  if (path === '/time') return { kind: 'time' }
  if (path.startsWith('/faces/')) return { kind: 'face', rest: path.slice('/faces/'.length) }
  const match = /^\/(live|replay)\/([^/]*)\/(.+)$/.exec(path)
  if (!match) return undefined
  return {
    kind: match[1] as 'live' | 'replay',
    id: match[2]!,
    rest: match[3]!,
    query: mark < 0 ? '' : url.slice(mark + 1),
  }
}

const unknown = (id: string): AppError =>
  new AppError(404, 'unknown_space', `Nothing is heard from a space "${id.slice(0, 40)}".`)

const noSuchThing = (rest: string): AppError =>
  new AppError(404, 'not_found', `A space has no "${rest.slice(0, 40)}".`)

/** What a log that does not answer may cost a request. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new AppError(503, 'log_unavailable', `The log did not answer within ${ms / 1000} s.`)),
      ms,
    )
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
