import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { SpaceId } from '@odeon/common/ids.ts'
import { Counter, Gauge, type Registry } from '@odeon/common/metrics.ts'
import { explain } from '@odeon/common/parse.ts'
import { FromStage, type Bye, type ToStage } from '@odeon/common/room.ts'
import { getSpace, isBanned, unknownSpace } from '@odeon/common/space.ts'
import { createActionOrder } from './action-order.ts'
import { assertLive, type Deps } from './context.ts'
import { perform } from './perform.ts'
import { StageFollower, type Watcher } from './stage-follower.ts'
import type { User } from './tokens.ts'

/**
 * `GET /api/spaces/:id/stage`, RFC 6455: the socket of those on stage, with a hand up or invited. The messages are in `common/room.ts`. A listener
 * opens none.
 */
export interface StageSockets {
  /** False when the path is another's. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Those who are there dial again, at another node. */
  close(): void
}

const PATH = /^\/api\/spaces\/([^/?]+)\/stage(?:\?|$)/
const HELLO_MS = 5000
const PING_MS = 10_000
const MAX_MESSAGE = 4096
/** Sockets of one space on this node: a stage, its queue and its invitations. */
const MAX_OF_SPACE = 200
const MAX_SOCKETS = 5000
/** Bytes that wait for somebody who does not read; past that his socket is cut, and he dials again. */
const MAX_BEHIND = 512 * 1024
const BYE = 4000

export function createStageSockets(deps: Deps, registry: Registry): StageSockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false })
  const followers = new Map<string, StageFollower>()
  const order = createActionOrder(() => performance.now())
  let closed = false
  const refused = new Counter({
    name: 'odeon_stage_sockets_refused_total',
    help: 'Sockets of the stage that were not let in, or cut.',
    labelNames: ['reason'],
    registers: [registry],
  })
  const open = new Gauge({
    name: 'odeon_stage_sockets',
    help: 'Sockets of the stage that are open.',
    registers: [registry],
  })

  const serve = (socket: WebSocket, id: string): void => {
    open.inc()
    let heard = true
    let shown = ''
    let user: User | undefined
    let follower: StageFollower | undefined
    let greeted: Promise<void> | undefined
    const sendText = (text: string): void => {
      if (socket.readyState !== socket.OPEN) return
      if (socket.bufferedAmount > MAX_BEHIND) {
        refused.inc({ reason: 'slow' })
        return socket.terminate()
      }
      socket.send(text)
    }
    const send = (message: ToStage): void => sendText(JSON.stringify(message))
    const bye = (reason: Bye): void => {
      send({ type: 'bye', reason })
      socket.close(BYE, reason)
    }
    const refuse = (error: unknown, n: number | null): void => {
      const known = error instanceof AppError ? error : undefined
      if (!known) deps.logger.error({ space: id, err: messageOf(error) }, 'an action failed')
      const code = known?.code ?? 'internal'
      send({
        type: 'refused',
        n,
        code,
        message: known?.message ?? 'Something failed on our side. Try again.',
      })
    }
    const hello = setTimeout(() => {
      refused.inc({ reason: 'silent' })
      bye('unauthorized')
    }, HELLO_MS)
    const ping = setInterval(() => {
      if (!heard) return socket.terminate()
      heard = false
      socket.ping()
    }, PING_MS)

    const watcher: Watcher = {
      get user() {
        return user!.id
      },
      show(message) {
        if (message === shown) return
        shown = message
        sendText(message)
      },
      tell: sendText,
      bye,
    }
    const enter = async (token: string): Promise<void> => {
      const who = await deps.tokens.verify(token).catch(() => undefined)
      if (!who) {
        refused.inc({ reason: 'unauthorized' })
        return bye('unauthorized')
      }
      const space = await getSpace(deps.ports.store, id)
      if (!space) throw unknownSpace(id)
      if (space.state === 'ended') return bye('ended')
      if (isBanned(space, who.id)) return bye('banned')
      assertLive(space)
      if (closed || socket.readyState !== socket.OPEN) return
      let there = followers.get(id)
      if (!there) followers.set(id, (there = new StageFollower({ deps, id, space })))
      if (there.size >= MAX_OF_SPACE) {
        refused.inc({ reason: 'full' })
        return bye('full')
      }
      clearTimeout(hello)
      user = who
      follower = there
      there.watch(watcher)
    }
    const take = async (message: FromStage): Promise<void> => {
      if (message.type === 'hello') {
        greeted ??= enter(message.token)
        return greeted
      }
      await greeted?.catch(() => {}) // What comes right behind it waits for it.
      const who = user
      if (!who) throw new AppError(401, 'unauthorized', 'The first message is hello, with a token.')
      const { n, action } = message
      await order.once(`${id}:${who.id}`, n, async () => void (await perform(deps, id, who, action, n)))
      send({ type: 'done', n })
    }

    socket.on('message', (data) => {
      heard = true
      const message = FromStage.safeParse(parseJson((data as Buffer).toString('utf8')))
      if (!message.success)
        return refuse(new AppError(400, 'bad_input', `message: ${explain(message.error)}`), null)
      take(message.data).catch((error: unknown) => {
        refuse(error, message.data.type === 'act' ? message.data.n : null)
        if (!user) socket.close(BYE)
      })
    })
    socket.on('pong', () => (heard = true))
    socket.on('error', () => socket.terminate()) // A message that is too long, or no WebSocket at all.
    socket.on('close', () => {
      open.dec()
      clearTimeout(hello)
      clearInterval(ping)
      follower?.leave(watcher)
      if (follower?.size !== 0 || followers.get(id) !== follower) return
      followers.delete(id)
      follower.close()
    })
  }

  return {
    upgrade(request, socket, head) {
      const id = SpaceId.safeParse(PATH.exec(request.url ?? '')?.[1])
      if (!id.success) return false
      if (closed || server.clients.size >= MAX_SOCKETS) {
        refused.inc({ reason: 'full' })
        socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
        return true
      }
      server.handleUpgrade(request, socket, head, (opened) => serve(opened, id.data))
      return true
    },
    close() {
      if (closed) return
      closed = true
      for (const follower of followers.values()) follower.close('restart')
      followers.clear()
      for (const socket of server.clients) socket.close(BYE, 'restart')
      server.close()
    },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
