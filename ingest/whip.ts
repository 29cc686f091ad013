import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { timingSafeEqual } from 'node:crypto'
import { AppError, errorBody, messageOf } from '@odeon/common/errors.ts'
import { SpaceId } from '@odeon/common/ids.ts'
import { Fragment, MAX_SDP_BYTES, Offer, OpenSpace, type Answer } from '@odeon/common/internal.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { parse } from '@odeon/common/parse.ts'

/** What the internal address offers to the api; the shapes are in `common/internal.ts`. */
export interface WhipHandler {
  open(space: string, body: OpenSpace): Promise<void>
  join(space: string, offer: Offer): Promise<Answer>
  trickle(space: string, session: string, fragment: string): Promise<void>
  leave(space: string, session: string): Promise<void>
}

export interface WhipServerOptions {
  handler: WhipHandler
  /** Only who knows it is served. */
  secret: string
  host: string
  port: number
  logger: Logger
}

export interface WhipServer {
  /** `http://host:port` */
  url: string
  close(): Promise<void>
}

/** JSON wraps the SDP and escapes its line ends. */
const MAX_BODY = MAX_SDP_BYTES * 2

/** The door of an ingest node, for the api alone. */
export async function startWhipServer(options: WhipServerOptions): Promise<WhipServer> {
  const server: Server = createServer((request, response) => {
    answer(options, request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        const known = error instanceof AppError ? error : undefined
        if (!known)
          options.logger.error({ err: messageOf(error), url: request.url }, 'internal request failed')
        const shown = known ?? new AppError(500, 'internal', 'The ingest node failed. Try again.')
        send(response, shown.status, errorBody(shown))
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      (closing ??= new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })),
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (body === undefined) {
    response.writeHead(status).end()
    return
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function answer(
  { handler, secret }: WhipServerOptions,
  request: IncomingMessage,
): Promise<{ status: number; body?: unknown }> {
  if (!sameSecret(request.headers.authorization, `Bearer ${secret}`))
    throw new AppError(401, 'unauthorized', 'The internal secret is missing or wrong.')
  const [, spaces, id, sessions, session, ...rest] = (request.url ?? '').split('?')[0]!.split('/')
  if (spaces !== 'spaces' || rest.length > 0 || (sessions ?? 'sessions') !== 'sessions') throw notFound()
  const space = parse(SpaceId, id, 'space id')
  const route = `${request.method} ${sessions === undefined ? '' : session === undefined ? 's' : 's/:id'}`
  switch (route) {
    case 'PUT ':
      await handler.open(space, parse(OpenSpace, await json(request), 'body'))
      return { status: 204 }
    case 'POST s':
      return { status: 201, body: await handler.join(space, parse(Offer, await json(request), 'body')) }
    case 'PATCH s/:id':
      await handler.trickle(space, session!, parse(Fragment, await json(request), 'body').fragment)
      return { status: 204 }
    case 'DELETE s/:id':
      await handler.leave(space, session!)
      return { status: 204 }
    default:
      throw notFound()
  }
}

const notFound = (): AppError => new AppError(404, 'not_found', 'There is nothing at this internal address.')

function sameSecret(given: string | undefined, wanted: string): boolean {
  const a = Buffer.from(given ?? '')
  const b = Buffer.from(wanted)
  return a.length === b.length && timingSafeEqual(a, b)
}

async function json(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new AppError(413, 'too_large', `The body is larger than ${MAX_BODY} bytes.`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw new AppError(400, 'bad_json', 'The body is not JSON.', { cause })
  }
}
