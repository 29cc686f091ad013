import { parentPort, workerData } from 'node:worker_threads'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { Refusal } from './intake.ts'
import { MediaRing } from './media-ring.ts'
import {
  clockOrigin,
  type ErrorFields,
  type PeerWorkerData,
  type ToBeat,
  type ToWorker,
} from './peer-messages.ts'
import type { Peer } from './peer.ts'
import { putPacketsBehindTheBeat } from './precedence.ts'
import { openPeer } from './werift-peer.ts'

/** The other end of `peer-thread.ts`: the connections, their ciphers and their sockets, where their garbage holds up no beat. */

/** How often is told who was heard, and what was dropped. */
const LOOK_MS = 200

putPacketsBehindTheBeat()
const port = parentPort!
const data = workerData as PeerWorkerData
const arrivals = new MediaRing(data.arrivals)
const returns = new MediaRing(data.returns)
/** Of the other thread's clock, less this one's, ms. */
const ahead = clockOrigin() - data.origin
const peers = new Map<number, Peer>()
const refused = new Map<number, Map<Refusal, number>>()

const say = (message: ToBeat): void => port.postMessage(message)

const fieldsOf = (error: unknown): ErrorFields =>
  error instanceof AppError
    ? { status: error.status, code: error.code, message: error.message }
    : { status: 500, code: 'internal', message: messageOf(error) }

function refuse(peer: number, why: Refusal, count: number): void {
  const counts = refused.get(peer) ?? new Map<Refusal, number>()
  counts.set(why, (counts.get(why) ?? 0) + count)
  refused.set(peer, counts)
}

async function open({ peer, sdp, sound, ...settings }: Extract<ToWorker, { type: 'open' }>): Promise<void> {
  try {
    const opened = await openPeer({
      sdp,
      sound,
      settings: () => ({ ...settings, release: () => {} }),
      onPacket: (packet, at) => {
        if (!arrivals.write(peer, packet, at + ahead)) refuse(peer, 'unread', 1)
      },
      onRefused: (why, count) => refuse(peer, why, count),
      onGone: () => say({ type: 'gone', peer }),
    })
    peers.set(peer, opened)
    say({ type: 'opened', peer, answer: opened.answer, hears: opened.hears })
  } catch (error) {
    say({ type: 'failed', peer, error: fieldsOf(error) })
  }
}

async function trickle({ peer, call, fragment }: Extract<ToWorker, { type: 'trickle' }>): Promise<void> {
  try {
    await peers.get(peer)?.trickle(fragment)
    say({ type: 'trickled', call })
  } catch (error) {
    say({ type: 'trickled', call, error: fieldsOf(error) })
  }
}

async function close(peer: number): Promise<void> {
  const closing = peers.get(peer)
  peers.delete(peer)
  try {
    await closing?.close()
    say({ type: 'closed', peer })
  } catch (error) {
    say({ type: 'closed', peer, error: fieldsOf(error) })
  }
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'send':
      return returns.read((peer, { payload }) => peers.get(peer)?.send(payload))
    case 'open':
      return void open(message)
    case 'trickle':
      return void trickle(message)
    case 'close':
      return void close(message.peer)
  }
})

setInterval(() => {
  const now = performance.now()
  const heard = [...peers].map(([peer, { heardAt }]): [number, number] => [peer, now - heardAt])
  const dropped = [...refused].flatMap(([peer, counts]) =>
    [...counts].map(([why, count]): [number, Refusal, number] => [peer, why, count]),
  )
  refused.clear()
  if (heard.length > 0 || dropped.length > 0) say({ type: 'look', heard, refused: dropped })
}, LOOK_MS)
