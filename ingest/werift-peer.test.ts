import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import type { Refusal } from './intake.ts'
import type { MediaPacket } from './rtp.ts'
import { seeded } from './testing/network.ts'
import type { Peer } from './peer.ts'
import { openPeer } from './werift-peer.ts'
import { connectSpeaker, type WhipSpeaker } from './werift-speaker.ts'

/** Real connections, and a stranger who knows the port. */

const closing: (() => Promise<void>)[] = []
afterEach(async () => void (await Promise.all(closing.splice(0).map((close) => close()))))

interface Call {
  speaker: WhipSpeaker
  packets: MediaPacket[]
  refused: Record<Refusal, number>
  port: number
  /** Resolves when so many packets of the speaker have come. */
  came(count: number): Promise<void>
}

async function call(): Promise<Call> {
  const packets: MediaPacket[] = []
  const refused = { flood: 0, unauthentic: 0, payload_type: 0, red: 0, unread: 0 }
  const { promise, resolve } = Promise.withResolvers<Peer>()
  let waiting: { count: number; done(): void } | undefined
  const speaker = await connectSpeaker({
    async post(sdp) {
      const peer = await openPeer({
        sdp,
        settings: () => ({ iceServers: [], addresses: ['127.0.0.1'], ports: undefined, release: () => {} }),
        onPacket(packet) {
          packets.push(packet)
          if (waiting && packets.length >= waiting.count) waiting.done()
        },
        onRefused: (why) => void refused[why]++,
        onGone: () => {},
      })
      resolve(peer)
      return { answer: peer.answer, remove: () => Promise.resolve() }
    },
  })
  const peer = await promise
  closing.push(
    () => speaker.close(),
    () => peer.close(),
  )
  const port = Number(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host/im.exec(peer.answer)![1])
  const came = (count: number): Promise<void> =>
    new Promise((done) => {
      waiting = { count, done }
      if (packets.length >= count) done()
    })
  return { speaker, packets, refused, port, came }
}

/** Sends datagrams to the port, and then those of the speaker, and waits for these: all before them has been looked at. */
async function intrude({ speaker, packets, port, came }: Call, datagrams: Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4')
  for (const datagram of datagrams) {
    socket.send(datagram, port, '127.0.0.1')
    if (datagrams.indexOf(datagram) % 20 === 19) await new Promise((resolve) => setImmediate(resolve))
  }
  const before = packets.length
  for (let n = 0; n < 5; n++) speaker.send(Uint8Array.of(0xf8, n, 0))
  await came(before + 5)
  socket.close()
  await once(socket, 'close')
}

const rtp = (payloadType: number, ssrc: number, ...rest: number[]): Uint8Array => {
  const bytes = Buffer.alloc(12)
  bytes[0] = 0x80
  bytes[1] = payloadType
  bytes.writeUInt32BE(ssrc, 8)
  return Buffer.concat([bytes, Uint8Array.from(rest)])
}

test('packets with a wrong tag, of a stranger, are dropped and counted; too many are not even decrypted, and the speaker is heard all along', async () => {
  const peer = await call()
  peer.speaker.send(Uint8Array.of(0xf8, 0, 0))
  await peer.came(1)
  await intrude(
    peer,
    Array.from({ length: 40 }, (_, n) => rtp(111, 99, ...Array<number>(40).fill(n))),
  )
  expect(peer.refused.unauthentic).toBe(40)
  await intrude(
    peer,
    Array.from({ length: 400 }, (_, n) => rtp(111, 99, ...Array<number>(40).fill(n & 0xff))),
  )
  expect(peer.refused.flood).toBeGreaterThan(200)
  expect(peer.refused.flood + peer.refused.unauthentic).toBe(440)
  expect(peer.packets.length).toBe(11)
})

test('two thousand datagrams of noise, as STUN, DTLS, RTP, RTCP or nothing at all: the connection lives', async () => {
  const random = seeded(4)
  const number = (to: number): number => Math.floor(random() * to)
  const peer = await call()
  const first = [0, 1, 20, 22, 23, 63, 64, 128, 129, 144, 191, 192, 255]
  const noise = Array.from({ length: 2000 }, () => {
    const bytes = Uint8Array.from({ length: number(random() < 0.5 ? 30 : 1400) }, () => number(256))
    if (bytes.length > 0 && random() < 0.9) bytes[0] = first[number(first.length)]!
    if (bytes.length > 1 && random() < 0.3) bytes[1] = 200 + number(8) // RTCP.
    return bytes
  })
  await intrude(peer, noise)
  expect(peer.packets.length).toBe(5)
})
