import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A reverse proxy that can be told to misbehave on the growing segments. */
export interface Proxy {
  url: string
  /** Answers are held until they are whole, as some caches do. */
  buffering: boolean
  requests: string[]
  close(): Promise<void>
}

export async function startProxy(port: number): Promise<Proxy> {
  const proxy: Proxy = { url: '', buffering: false, requests: [], close: () => Promise.resolve() }
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    proxy.requests.push(incoming.url ?? '')
    const upstream = request(
      { host: 'localhost', port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (response) => {
        const growing = /\/(aac|opus)\/\d+\.m4s$/.test(incoming.url ?? '')
        if (!growing || !proxy.buffering) {
          outgoing.writeHead(response.statusCode!, response.headers)
          response.pipe(outgoing)
          return
        }
        const held: Buffer[] = []
        response.on('data', (data: Buffer) => held.push(data))
        response.on('end', () =>
          outgoing.writeHead(response.statusCode!, response.headers).end(Buffer.concat(held)),
        )
      },
    )
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  }
  const server: Server = createServer(forward).listen(0, 'localhost')
  await new Promise((resolve) => server.once('listening', resolve))
  proxy.url = `http://localhost:${(server.address() as AddressInfo).port}`
  proxy.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return proxy
}
