import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { listen, type HttpServer } from '../server.ts'
import { createControlPlane, type ControlPlane } from './control.ts'
import type { IceSettings } from './ice.ts'
import type { Limits } from './rate-limit.ts'

/** For tests: a control plane behind a real HTTP server, on the embedded adapters, with a stand-in for the ingest node. */

export const SECRET = 'a secret that only these tests know, 32+'
const INTERNAL_SECRET = 'between api and ingest'

export interface Asked {
  method: string
  path: string
  authorization: string | undefined
  body: unknown
}

/** Speaks `common/internal.ts` over real HTTP, and writes down what it was asked. */
export interface StandInIngest {
  url: string
  asked: Asked[]
  /** How the next requests are answered; as agreed when undefined. May wait. */
  reply: ((asked: Asked) => Promise<Reply> | Reply) | undefined
  close(): Promise<void>
}

export interface Reply {
  status: number
  text: string
}

async function startStandInIngest(): Promise<StandInIngest> {
  const asAgreed = ({ method, body }: Asked): Reply => {
    if (method !== 'POST') return { status: 204, text: '' }
    const { speaker } = body as { speaker: { id: string } }
    return {
      status: 201,
      text: JSON.stringify({ session: `${speaker.id}-abcdefgh2345`, sdp: 'v=0\r\nanswer' }),
    }
  }
  const server = createServer((request, response) => {
    void (async () => {
      const text = await textOf(request)
      const asked = {
        method: request.method!,
        path: request.url!,
        authorization: request.headers.authorization,
        body: text ? (JSON.parse(text) as unknown) : undefined,
      }
      ingest.asked.push(asked)
      const reply = await (ingest.reply ?? asAgreed)(asked)
      response.writeHead(reply.status).end(reply.text)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const ingest: StandInIngest = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    reply: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return ingest
}

/** An address where nobody listens any more. */
export async function deadUrl(): Promise<string> {
  const ingest = await startStandInIngest()
  await ingest.close()
  return ingest.url
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk
  return text
}

export interface Guest {
  token: string
  user: { id: string; name: string }
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** The JSON of the body, undefined when it is none. */
  body: Record<string, unknown> | undefined
  /** `error.code`, '' when there is none. */
  code: string
}

export interface Ask {
  token?: string
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown
  type?: string
  headers?: Record<string, string>
}

export interface House {
  url: string
  ports: Ports
  ingest: StandInIngest
  registry: Registry
  control: ControlPlane
  /** Epoch ms; tests move it. */
  clock: { now: number }
  ask(method: string, path: string, options?: Ask): Promise<Answer>
  guest(name?: string): Promise<Guest>
  /** The id of a new space of this host; started when asked for. */
  space(host: Guest, state?: 'scheduled' | 'live'): Promise<string>
  /** A new guest who took up an invitation. */
  speaker(host: Guest, space: string): Promise<Guest>
  close(): Promise<void>
}

export async function openHouse({
  limits,
  trustedProxies = [],
  beside,
  ice,
}: {
  limits?: Partial<Limits>
  trustedProxies?: string[]
  beside?: House
  ice?: IceSettings
} = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'odeon-control-'))
  const logger = createLogger('silent')
  const ports = beside?.ports ?? (await openEmbeddedPorts({ folder, logger }))
  const ingest = await startStandInIngest()
  const registry = new Registry()
  const clock = { now: 1_790_000_000_000 }
  const control = createControlPlane({
    ports,
    secret: SECRET,
    internalSecret: INTERNAL_SECRET,
    ingestFor: () => Promise.resolve(ingest.url),
    logger,
    registry,
    now: () => clock.now,
    trustedProxies,
    shared: beside !== undefined,
    ice,
    ...(limits && { limits }),
  })
  const server: HttpServer = await listen({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    handler: control.handle,
    upgrade: control.upgrade,
  })
  const url = `http://127.0.0.1:${server.port}`

  const ask: House['ask'] = async (method, path, { token, body, type, headers } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json =
      text && response.headers.get('content-type')?.startsWith('application/json')
        ? (JSON.parse(text) as Record<string, unknown>)
        : undefined
    const code = (json?.['error'] as { code: string } | undefined)?.code ?? ''
    return { status: response.status, headers: response.headers, text, body: json, code }
  }
  const guest = async (name = 'Ana'): Promise<Guest> =>
    (await ask('POST', '/api/session', { body: { name } })).body as unknown as Guest

  let closing: Promise<void> | undefined
  return {
    url,
    ports,
    ingest,
    registry,
    control,
    clock,
    ask,
    guest,
    async space({ token }, state = 'live') {
      const { body } = await ask('POST', '/api/spaces', { token, body: { title: 'A talk' } })
      const id = body!['id'] as string
      if (state === 'live') await ask('POST', `/api/spaces/${id}/start`, { token })
      return id
    },
    async speaker({ token }, id) {
      const invite = await ask('POST', `/api/spaces/${id}/invites`, { token, body: { role: 'speaker' } })
      const speaker = await guest('Ben')
      const path = `/api/spaces/${id}/speakers`
      await ask('POST', path, { token: speaker.token, body: { invite: invite.body!['code'] } })
      return speaker
    },
    close: () =>
      (closing ??= (async () => {
        control.close()
        await server.close()
        await ingest.close()
        if (!beside) {
          await Promise.all([ports.jobs.close(), ports.log.close(), ports.objects.close()])
          await ports.store.close()
        }
        rmSync(folder, { recursive: true })
      })()),
  }
}
