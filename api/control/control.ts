import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Koa from 'koa'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, errorBody, messageOf } from '@odeon/common/errors.ts'
import { MAX_SDP_BYTES } from '@odeon/common/internal.ts'
import type { Replica } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { Counter, type Registry } from '@odeon/common/metrics.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { sendError, type Handler, type Request, type Response, type Upgrade } from '../server.ts'
import { clientAddress, networkOf, trustedProxies } from './client-address.ts'
import type { Deps } from './context.ts'
import { faceRoutes } from './faces.ts'
import type { IceSettings } from './ice.ts'
import { createIngestClient } from './ingest-client.ts'
import { inviteRoutes } from './invites.ts'
import { reactionDoor } from './reaction-door.ts'
import { createRateLimit, type Limits } from './rate-limit.ts'
import { roomRoutes } from './room.ts'
import { keepRoomStates } from './room-states.ts'
import { createSaid } from './said.ts'
import { saidRoutes } from './said-routes.ts'
import { reportRoutes } from './reports.ts'
import { createSampler } from './sampler.ts'
import { sessionRoutes } from './session.ts'
import { createSpaceList } from './space-list.ts'
import { spaceRoutes } from './spaces.ts'
import { speakerRoutes } from './speakers.ts'
import { createStageReader } from './stage-reader.ts'
import { createStageSockets } from './stage-socket.ts'
import { createTokens } from './tokens.ts'
import { createTurnstile } from './turnstile.ts'
import { whipRoutes } from './whip.ts'

export interface ControlOptions {
  ports: Ports
  /** Signs the guests' tokens. */
  secret: string
  /** The internal address of the ingest node that mixes a space. */
  ingestFor(space: string): Promise<string>
  internalSecret: string
  logger: Logger
  registry: Registry
  limits?: Partial<Limits>
  /** Other nodes use the same store: limits hold for all of them together. */
  shared?: boolean
  /** Who is believed about a client's address in `X-Forwarded-For`, as `isProxy` wants it; nobody unless told. */
  trustedProxies?: readonly string[]
  /** What speakers' browsers are relayed by, if anything. */
  ice?: IceSettings | undefined
  /** Live spaces are transcoded twice, by two processes; once unless told. */
  replicas?: readonly Replica[]
  now?: () => number
}

export interface ControlPlane {
  /** Everything below `/api`. */
  handle: Handler
  /** The sockets of the stage. */
  upgrade: Upgrade
  /** Those who have a socket dial again, at another node. */
  close(): void
}

/** The control plane: which spaces exist, who may do what in them, and WHIP. Everything below `/api`. */
export function createControlPlane(options: ControlOptions): ControlPlane {
  const { ports, logger, registry, shared = false, now = Date.now } = options
  const alone = new Counter({
    name: 'odeon_api_limits_alone_total',
    help: 'Requests whose limit this node kept by its own count alone, since the store did not answer.',
    registers: [registry],
  })
  const onAlone = (): void => alone.inc()
  const deps: Deps = {
    ports,
    logger,
    now,
    replicas: options.replicas ?? ['a'],
    tokens: createTokens(options.secret, now),
    ingest: createIngestClient({ ingestFor: options.ingestFor, secret: options.internalSecret }),
    spaces: createSpaceList(ports.store, now),
    stages: createStageReader(ports.log, now),
    rooms: keepRoomStates(ports.log, now),
    sampler: createSampler(now),
    limit: createRateLimit({ store: ports.store, limits: options.limits ?? {}, shared, onAlone, now }),
    said: createSaid({ ports, logger, registry, shared, onAlone, now }),
    ice: options.ice,
  }
  const requests = new Counter({
    name: 'odeon_api_requests_total',
    help: 'Requests to the control plane.',
    labelNames: ['method', 'status'],
    registers: [registry],
  })
  const turnedAway = new Counter({
    name: 'odeon_api_turned_away_total',
    help: 'Requests to the control plane that found too many before them.',
    registers: [registry],
  })
  const router = new Router()
  for (const routes of [
    sessionRoutes,
    spaceRoutes,
    inviteRoutes,
    speakerRoutes,
    roomRoutes,
    saidRoutes,
    reportRoutes,
    faceRoutes,
    whipRoutes,
  ])
    routes(router, deps)

  const proxies = trustedProxies(options.trustedProxies ?? [])
  const app = new Koa()
  app.silent = true
  app.use(async (ctx, next) => {
    ctx.set(HEADERS)
    ctx.request.ip = networkOf(clientAddress(ctx.req, proxies))
    try {
      if (ctx.method === 'OPTIONS' && !ctx.path.endsWith('/whip')) ctx.status = 204
      else await next()
      if (ctx.status === 404 && ctx.body === undefined)
        throw new AppError(404, 'not_found', `There is nothing at ${ctx.path.slice(0, 200)}.`)
      if (ctx.status === 405 || ctx.status === 501)
        throw new AppError(405, 'method_not_allowed', `${ctx.method} is not possible here.`)
    } catch (error) {
      const shown = toAppError(error)
      if (shown.status >= 500 && !(error instanceof AppError))
        logger.error({ err: error, method: ctx.method, path: ctx.path }, 'request failed')
      else if (shown.status === 502) logger.warn({ path: ctx.path, err: messageOf(shown) }, 'ingest failed')
      ctx.status = shown.status
      ctx.set(headersOf(shown))
      ctx.body = errorBody(shown)
    }
    requests.inc({ method: ctx.method, status: ctx.status })
  })
  app.use(
    bodyParser({
      enableTypes: ['json', 'text'],
      extendTypes: { text: ['application/sdp', 'application/trickle-ice-sdpfrag'] },
      jsonLimit: 16 * 1024,
      textLimit: MAX_SDP_BYTES,
    }),
  )
  app.use(router.routes())
  app.use(router.allowedMethods())
  const callback = app.callback()
  const sockets = createStageSockets(deps, registry)
  const turnstile = createTurnstile()
  const refuse = (request: Request, response: Response, error: unknown): void => {
    const shown = toAppError(error)
    if (!(error instanceof AppError)) logger.error({ err: error, path: request.url }, 'request failed')
    if (response.headersSent || response.destroyed) return
    sendError(response, shown, { ...HEADERS, ...headersOf(shown) })
  }
  /** As node hands it over, by the shortest way that there is. */
  const enter: Handler = (request, response) => {
    if (request.destroyed) return // Gone while it waited.
    const react = reactionDoor(deps, request)
    if (!react) return void callback(request as IncomingMessage, response as ServerResponse)
    react()
      .then(() => (response as ServerResponse).writeHead(202, ACCEPTED).end())
      .catch((error: unknown) => refuse(request, response, error))
      .finally(() => requests.inc({ method: 'POST', status: response.statusCode }))
  }
  return {
    handle(request, response) {
      if (turnstile.pass(() => enter(request, response))) return
      turnedAway.inc()
      request.resume()
      refuse(request, response, new AppError(503, 'busy', 'Too many are asking at once. Try again.'))
    },
    upgrade: (request, socket, head) => sockets.upgrade(request, socket, head),
    close() {
      deps.said.close()
      sockets.close()
    },
  }
}

/** Of every answer. */
const HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, content-type, if-match',
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-expose-headers': 'location, link, etag, retry-after',
  'access-control-max-age': '86400',
  'x-content-type-options': 'nosniff',
}
const ACCEPTED = { ...HEADERS, 'content-length': '0' }

/** Of an error's answer. */
const headersOf = ({ status, code }: AppError): Record<string, string> => ({
  'cache-control': 'no-store',
  ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  ...((status === 429 || status === 503) && { 'retry-after': code === 'too_many' ? '60' : '2' }),
})

/** What came out of Koa or the body parser, in our words. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { status, code } = error as { status?: unknown; code?: unknown }
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new AppError(400, 'bad_encoding', 'The body is not compressed as its content-encoding says.', {
      cause: error,
    })
  switch (status) {
    case 400:
      return new AppError(400, 'bad_json', 'The body is not JSON.', { cause: error })
    case 413:
      return new AppError(413, 'too_large', 'The body is too large: 16 kB of JSON or 64 kB of SDP at most.', {
        cause: error,
      })
    case 415:
      return new AppError(415, 'unsupported_media_type', 'The encoding of the body is not supported.', {
        cause: error,
      })
    default:
      return new AppError(500, 'internal', 'Something failed on our side. Try again.', { cause: error })
  }
}
