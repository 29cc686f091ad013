import { Worker } from 'node:worker_threads'
import { AppError } from '@odeon/common/errors.ts'
import { MediaRing } from './media-ring.ts'
import {
  clockOrigin,
  type ErrorFields,
  type PeerWorkerData,
  type ToBeat,
  type ToWorker,
} from './peer-messages.ts'
import type { OpenPeer, Peer, PeerOptions } from './peer.ts'
import type { MediaPacket } from './rtp.ts'
import { checkOffer } from './sdp.ts'

/** The connections of a node in a thread of their own: what they throw away, and the time that ciphers take, hold up no beat. */
export interface PeerThread {
  open: OpenPeer
  /** Hands on what has come since the last call; to be called before each beat. */
  takeIn(): void
  /** Ends the thread; connections that are still open end with it. */
  close(): Promise<void>
}

interface Remote {
  options: PeerOptions
  heardAt: number
  opened: PromiseWithResolvers<{ answer: string; hears: boolean }>
  /** It is closed, and its ports are free. */
  closed: PromiseWithResolvers<void>
  release(): void
}

/** Throws what happens in the thread and is nobody's answer, as if it had happened here. */
export function startPeerThread(): PeerThread {
  const workerData: PeerWorkerData = {
    arrivals: MediaRing.newMemory(),
    returns: MediaRing.newMemory(),
    origin: clockOrigin(),
  }
  const arrivals = new MediaRing(workerData.arrivals)
  const returns = new MediaRing(workerData.returns)
  const worker = new Worker(new URL('./peer-worker.ts', import.meta.url), { workerData })
  worker.unref() // It alone keeps no process alive.
  const peers = new Map<number, Remote>()
  const calls = new Map<number, PromiseWithResolvers<void>>()
  let next = 1
  let waking = false

  const say = (message: ToWorker): void => worker.postMessage(message)

  /** The thread is woken once for all that a beat sends. What does not fit is lost, as in a network: nobody has read for a second. */
  const send = (peer: number, payload: Uint8Array): void => {
    returns.write(peer, { ssrc: 0, sequence: 0, timestamp: 0, payload }, 0)
    if (waking) return
    waking = true
    queueMicrotask(() => {
      waking = false
      say({ type: 'send' })
    })
  }

  const arrived = (peer: number, packet: MediaPacket, at: number): void => {
    const to = peers.get(peer)
    if (!to) return
    to.heardAt = Math.max(to.heardAt, at)
    to.options.onPacket(packet, at)
  }

  const forget = (peer: number): void => {
    peers.get(peer)?.release()
    peers.get(peer)?.closed.resolve()
    peers.delete(peer)
  }

  const take = (message: ToBeat): void => {
    switch (message.type) {
      case 'look': {
        const now = performance.now()
        for (const [peer, ms] of message.heard) {
          const of = peers.get(peer)
          if (of) of.heardAt = Math.max(of.heardAt, now - ms)
        }
        for (const [peer, why, count] of message.refused) peers.get(peer)?.options.onRefused(why, count)
        return
      }
      case 'opened':
        return peers.get(message.peer)?.opened.resolve(message)
      case 'failed':
        peers.get(message.peer)?.opened.reject(errorOf(message.error))
        return forget(message.peer)
      case 'gone':
        return peers.get(message.peer)?.options.onGone()
      case 'closed':
        if (message.error) peers.get(message.peer)?.closed.reject(errorOf(message.error))
        return forget(message.peer)
      case 'trickled': {
        const call = calls.get(message.call)
        calls.delete(message.call)
        return message.error ? call?.reject(errorOf(message.error)) : call?.resolve()
      }
    }
  }
  worker.on('message', take)
  worker.on('error', (error) => {
    throw error
  })

  const open = async (options: PeerOptions): Promise<Peer> => {
    const { sdp, sound } = options
    checkOffer(sdp) // Before it costs ports.
    const { release, ...settings } = options.settings()
    const peer = next++
    const remote: Remote = {
      options,
      heardAt: performance.now(),
      opened: Promise.withResolvers(),
      closed: Promise.withResolvers(),
      release,
    }
    peers.set(peer, remote)
    say({ type: 'open', peer, sdp, sound, ...settings })
    const { answer, hears } = await remote.opened.promise
    let closing = false
    return {
      answer,
      hears,
      get heardAt() {
        return remote.heardAt
      },
      send(opus) {
        if (hears && !closing) send(peer, opus)
      },
      trickle(fragment) {
        const call = next++
        const answered = Promise.withResolvers<void>()
        calls.set(call, answered)
        say({ type: 'trickle', peer, call, fragment })
        return answered.promise
      },
      close() {
        if (!closing && peers.has(peer)) say({ type: 'close', peer })
        closing = true
        return remote.closed.promise
      },
    }
  }

  return {
    open,
    takeIn: () => arrivals.read(arrived),
    async close() {
      await worker.terminate()
      const ended = new AppError(503, 'stopping', 'This Odeon is being stopped. Try again in a moment.')
      for (const { opened } of peers.values()) opened.reject(ended)
      for (const call of calls.values()) call.reject(ended)
      for (const peer of [...peers.keys()]) forget(peer)
    },
  }
}

const errorOf = ({ status, code, message }: ErrorFields): AppError => new AppError(status, code, message)
