import { constants } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { errorBody, type AppError } from '@odeon/common/errors.ts'
import { TARGET_DURATION } from '@odeon/common/time.ts'
import type { OriginMetrics } from './metrics.ts'

export type Request = IncomingMessage | Http2ServerRequest
export type Response = ServerResponse | Http2ServerResponse

/** What a request asks for, as the metrics name it. */
export type Kind =
  | 'multivariant'
  | 'playlist'
  | 'init'
  | 'segment'
  | 'growing'
  | 'part'
  | 'audience'
  | 'replay_playlist'
  | 'replay_media'
  | 'archive'
  | 'download'
  | 'face'
  | 'time'
  | 'preflight'
  | 'other'

/** One request on its way to its answer. */
export interface Exchange {
  readonly request: Request
  /** The compat API of http2 has the methods that we use, under the same names. */
  readonly response: ServerResponse
  readonly metrics: OriginMetrics
  kind: Kind
}

/** Cache-Control of what we answer (Appendix B.1 of rfc8216bis; an error may live for a part at most, which rounds down to 0 s). */
export const CACHE = {
  playlist: `public, max-age=${TARGET_DURATION / 2}`,
  blockingPlaylist: `public, max-age=${6 * TARGET_DURATION}`,
  media: `public, max-age=${6 * TARGET_DURATION}`,
  audience: 'public, max-age=5',
  replay: 'public, max-age=60',
  /** Of a recording, where somebody's text is: a host may take it out, and no cache has it for long after that. */
  archive: 'public, max-age=10',
  said: 'public, max-age=3600',
  /** What is there never changes, but its owner may take it away. */
  /** Though it never changes: what is taken away must be gone everywhere soon. */
  face: 'public, max-age=300',
  forever: 'public, max-age=31536000, immutable',
  error: 'public, max-age=0',
  none: 'no-store',
} as const

export const TYPE = {
  playlist: 'application/vnd.apple.mpegurl',
  media: 'audio/mp4',
  face: 'image/webp',
  json: 'application/json; charset=utf-8',
} as const

const OPEN = {
  'access-control-allow-origin': '*',
  // hls.js reads Age and Date only where it is allowed to.
  'access-control-expose-headers': 'Age, Date, Cache-Control, Content-Length, Content-Type, ETag',
  'timing-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
}
/** As `writeHead` takes them fastest: name, value, name, … */
const OPEN_RAW = Object.entries(OPEN).flat()

/** Bytes that many answers share, compressed at most once. */
export class Prepared {
  readonly plain: Buffer
  #gzip: Buffer | undefined

  constructor(plain: string | Uint8Array) {
    this.plain = Buffer.from(plain as string)
  }

  /** For long texts: compressed beside the event loop, which has listeners to serve. */
  static async of(plain: string | Uint8Array): Promise<Prepared> {
    const prepared = new Prepared(plain)
    prepared.#gzip = await promisify(gzip)(prepared.plain)
    return prepared
  }

  get gzip(): Buffer {
    return (this.#gzip ??= gzipSync(this.plain))
  }
}

export interface Answer {
  type: string
  cache: string
  body: Uint8Array | Prepared
  status?: number
  headers?: Record<string, string | number>
}

export const isHead = ({ request }: Exchange): boolean => request.method === 'HEAD'
export const isGone = ({ response }: Exchange): boolean => isBroken(response) || response.writableEnded

/** The compat API has no `destroyed` of its own. */
export function isBroken(response: ServerResponse): boolean {
  const stream = http2Stream(response)
  return stream ? stream.closed || stream.destroyed : response.destroyed
}

const http2Stream = (response: ServerResponse): Http2ServerResponse['stream'] | undefined =>
  (response as unknown as Http2ServerResponse).stream

export function send(exchange: Exchange, { type, cache, body, status = 200, headers }: Answer): void {
  if (isGone(exchange)) return
  const zip = body instanceof Prepared && acceptsGzip(exchange.request)
  const bytes = body instanceof Prepared ? (zip ? body.gzip : body.plain) : body
  writeHead(exchange, status, {
    'content-type': type,
    'cache-control': cache,
    'content-length': bytes.length,
    ...(body instanceof Prepared ? { vary: 'Accept-Encoding' } : {}),
    ...(zip ? { 'content-encoding': 'gzip' } : {}),
    ...headers,
  })
  if (isHead(exchange)) exchange.response.end()
  else exchange.response.end(bytes)
}

/** The head of an answer whose body is written as it comes. */
export function beginStream(
  exchange: Exchange,
  headers: Record<string, string | number>,
  status = 200,
): void {
  writeHead(exchange, status, headers)
  if (isHead(exchange)) exchange.response.end()
}

export function sendJson(exchange: Exchange, value: unknown, cache: string): void {
  send(exchange, { type: TYPE.json, cache, body: Buffer.from(JSON.stringify(value)) })
}

export function sendError(exchange: Exchange, error: AppError, cache: string = CACHE.error): void {
  send(exchange, {
    type: TYPE.json,
    cache,
    body: Buffer.from(JSON.stringify(errorBody(error))),
    status: error.status,
    headers: {
      ...(error.status === 405 ? { allow: METHODS } : {}),
      ...(error.status === 503 ? { 'retry-after': 1 } : {}),
    },
  })
}

export const METHODS = 'GET, HEAD, OPTIONS'

export function sendPreflight(exchange: Exchange): void {
  writeHead(exchange, 204, {
    allow: METHODS,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': '*',
    'access-control-max-age': 86_400,
  })
  exchange.response.end()
}

function writeHead(exchange: Exchange, status: number, headers: Record<string, string | number>): void {
  exchange.metrics.answered(exchange.kind, status)
  const raw: (string | number)[] = OPEN_RAW.slice()
  for (const name in headers) raw.push(name, headers[name]!)
  exchange.response.writeHead(status, raw as string[])
}

/** RFC 9110 §12.5.3: named and not refused by `q=0`. */
export function acceptsGzip(request: Request): boolean {
  const accepted = request.headers['accept-encoding']
  if (typeof accepted !== 'string') return false
  return accepted
    .split(',')
    .some((coding) => /^\s*(x-)?gzip\s*(;\s*q=(?!0(\.0*)?\s*$)[\d.]+\s*)?$/i.test(coding))
}

/** Breaks off an answer so that nobody takes what was sent for the whole. */
export function abort(response: ServerResponse): void {
  const stream = http2Stream(response)
  if (stream) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else response.destroy()
}

/** Bytes that were written and not yet taken by the network. */
export const unsentBytes = (response: ServerResponse): number =>
  http2Stream(response)?.writableLength ?? response.writableLength
