import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { seeded } from '@odeon/ingest/testing/network.ts'

/** A UDP relay on this machine that behaves like a bad network, the same on every run: it stands between one speaker and the ingest node. */

export interface UdpRelayOptions {
  /** Where the ingest node waits. */
  port: number
  seed: number
  /** Share of the speaker's sound (RTP) that is lost, 0 … 1. What makes the connection always passes. */
  loss: number
  /** Every datagram of the speaker takes up to so much longer: they overtake one another. */
  jitterMs: number
}

export interface UdpRelay {
  port: number
  counts: { passed: number; lost: number }
  close(): Promise<void>
}

export async function startUdpRelay({ port, seed, loss, jitterMs }: UdpRelayOptions): Promise<UdpRelay> {
  const random = seeded(seed)
  const [outside, inside] = [createSocket('udp4'), createSocket('udp4')]
  const counts = { passed: 0, lost: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let speaker: RemoteInfo | undefined
  outside.on('message', (data, from) => {
    speaker = from
    if (isRtp(data) && random() < loss) return void counts.lost++
    counts.passed++
    const timer = setTimeout(() => {
      timers.delete(timer)
      inside.send(data, port, '127.0.0.1')
    }, random() * jitterMs)
    timers.add(timer)
  })
  inside.on('message', (data) => {
    if (speaker) outside.send(data, speaker.port, speaker.address)
  })
  for (const socket of [outside, inside]) {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  let closing: Promise<unknown> | undefined
  return {
    port: (outside.address() as AddressInfo).port,
    counts,
    async close() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      await (closing ??= Promise.all(
        [outside, inside].map((socket) => new Promise<void>((resolve) => socket.close(resolve))),
      ))
    },
  }
}

/** RFC 7983 §7 and RFC 5761 §4: media, and no report. */
const isRtp = (data: Uint8Array): boolean =>
  data[0]! >= 128 && data[0]! < 192 && !(data[1]! >= 192 && data[1]! <= 223)

/** An offer whose candidates are gone: the ingest node answers to where the datagrams come from. */
export const withoutCandidates = (offer: string): string => offer.replaceAll(/^a=candidate:.*\r?\n/gm, '')

/** The port that an answer offers on the loopback interface, and the answer with another in its place as the only one. */
export function readdressed(answer: string): { port: number; through(port: number): string } {
  const own = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host.*$/im.exec(answer)
  if (!own) throw new Error(`no candidate on the loopback interface:\n${answer}`)
  return {
    port: Number(own[1]),
    through: (port) =>
      withoutCandidates(answer).replace(
        /^a=mid:.*\r?\n/m,
        (line) => `${line}${own[0].replace(` ${own[1]} typ`, ` ${port} typ`)}\r\n`,
      ),
  }
}
