import { readFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServerOfNode,
  type ServerResponse,
} from 'node:http'
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError, errorBody, messageOf } from '@odeon/common/errors.ts'

/** Either protocol's request and response; HTTP/2 through node's compatibility API. */
export type Request = IncomingMessage | Http2ServerRequest
export type Response = ServerResponse | Http2ServerResponse

export type Handler = (request: Request, response: Response) => void

/** Takes over a connection that asks for another protocol; false for one that it does not know. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean

export interface Tls {
  /** Paths of PEM files. */
  cert: string
  key: string
}

export interface HttpOptions {
  host: string
  port: number
  tls: Tls | undefined
  handler: Handler
  /** Without it, nobody gets a WebSocket. */
  upgrade?: Upgrade | undefined
}

export interface HttpServer {
  port: number
  /** Stops taking connections, and waits until the answers that are under way are complete, `ms` at most. */
  drain(ms: number): Promise<void>
  /** Stops taking connections and ends those that are open. */
  close(): Promise<void>
}

/** Serves HTTP/1.1, or with a certificate HTTPS with HTTP/2 and 1.1. Throws `port_busy`, `bad_host`, `bad_tls` with what to do. */
export async function listen({ host, port, tls, handler, upgrade }: HttpOptions): Promise<HttpServer> {
  // Others ask for HTTP/2 this way (`Upgrade: h2c`), and are served as if they had not.
  const shouldUpgradeCallback = ({ headers }: IncomingMessage): boolean =>
    headers.upgrade?.toLowerCase() === 'websocket'
  const server = tls ? createTlsServer(tls) : createServer({ shouldUpgradeCallback })
  server.on('request', handler)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy()) // One that goes away is no error of ours.
    if (!upgrade?.(request, socket, head))
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  const open = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)))
    server.listen(port, host, resolve)
  })
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  let closing: Promise<void> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    async drain(ms) {
      server.close()
      const until = performance.now() + ms
      while (open.size > 0 && performance.now() < until) {
        for (const session of sessions) session.close() // After its last stream.
        if ('closeIdleConnections' in server) (server as HttpServerOfNode).closeIdleConnections()
        await pause(50)
      }
    },
    close: () =>
      (closing ??= new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      })),
  }
}

function createTlsServer({ cert, key }: Tls): Server {
  try {
    return createSecureServer({ cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true })
  } catch (cause) {
    throw new AppError(
      500,
      'bad_tls',
      `The certificate or its key can't be used (${messageOf(cause)}). ODEON_TLS_CERT is ${cert}, ODEON_TLS_KEY is ${key}; both must be PEM files.`,
      { cause },
    )
  }
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): AppError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new AppError(
        500,
        'port_busy',
        `Port ${port} is in use by another program. Stop it, or choose another port: PORT=${port + 1} npm start`,
        { cause },
      )
    case 'EACCES':
      return new AppError(
        500,
        'port_forbidden',
        `You may not listen on port ${port}. Choose one above 1023: PORT=8080 npm start`,
        { cause },
      )
    default:
      return new AppError(
        500,
        'bad_host',
        `Can't listen on ${host}:${port} (${cause.code}). Check HOST and PORT.`,
        {
          cause,
        },
      )
  }
}

/** Answers an error in the public shape. */
export function sendError(response: Response, error: AppError, headers: Record<string, string> = {}): void {
  const body = JSON.stringify(errorBody(error))
  const plain = response as ServerResponse
  plain.writeHead(error.status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  plain.end(body)
}
