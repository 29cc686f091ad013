import { afterEach, expect, test } from 'vitest'
import { startPeerThread, type PeerThread } from './peer-thread.ts'
import type { Peer, PeerSettings } from './peer.ts'
import type { MediaPacket } from './rtp.ts'
import { connectSpeaker, type WhipSpeaker } from './werift-speaker.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function start(): PeerThread {
  const thread = startPeerThread()
  closing.push(thread.close)
  return thread
}

const settings = (release: () => void = () => {}): PeerSettings => ({
  iceServers: [],
  addresses: ['127.0.0.1'],
  ports: undefined,
  release,
})

interface Call {
  peer: Peer
  speaker: WhipSpeaker
  came: { packet: MediaPacket; at: number }[]
  heard: Uint8Array[]
  released: Promise<void>
}

async function call(thread: PeerThread): Promise<Call> {
  const came: Call['came'] = []
  const heard: Uint8Array[] = []
  const opened = Promise.withResolvers<Peer>()
  const released = Promise.withResolvers<void>()
  const speaker = await connectSpeaker({
    async post(sdp) {
      const peer = await thread.open({
        sdp,
        settings: () => settings(released.resolve),
        onPacket: (packet, at) => came.push({ packet, at }),
        onRefused: () => {},
        onGone: () => {},
      })
      opened.resolve(peer)
      return { answer: peer.answer, remove: () => peer.close() }
    },
    onPacket: ({ opus }) => heard.push(opus),
  })
  return { peer: await opened.promise, speaker, came, heard, released: released.promise }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
const opus = (n: number): Uint8Array => Uint8Array.of(0xf8, n >> 8, n & 0xff, 1, 2, 3)

test('what speakers say comes with the beat, each to his own, as it was said and when; what is sent back reaches them', async () => {
  const thread = start()
  const [ana, ben] = await Promise.all([call(thread), call(thread)])
  closing.push(ana.speaker.close, ben.speaker.close)
  const before = performance.now()
  for (let n = 0; n < 50; n++) {
    ana.speaker.send(opus(n))
    ben.speaker.send(opus(1000 + n))
  }
  while (ana.came.length < 50 || ben.came.length < 50) {
    await turn()
    thread.takeIn()
  }
  const payloads = ({ came }: Call): number[][] => came.map(({ packet }) => [...packet.payload])
  expect(payloads(ana)).toEqual(Array.from({ length: 50 }, (_, n) => [...opus(n)]))
  expect(payloads(ben)).toEqual(Array.from({ length: 50 }, (_, n) => [...opus(1000 + n)]))
  for (const { at } of [...ana.came, ...ben.came]) {
    expect(at).toBeGreaterThan(before - 1)
    expect(at).toBeLessThan(performance.now() + 1)
  }
  expect(ana.peer.heardAt).toBeGreaterThan(before - 1)

  for (let n = 0; ana.heard.length === 0 || ben.heard.length === 0; n++) {
    ana.peer.send(opus(n))
    ben.peer.send(opus(1000 + n))
    await turn()
  }
  expect([...ana.heard[0]!.slice(3)]).toEqual([1, 2, 3])
  expect(ben.heard[0]![1]).toBe(1000 >> 8)
})

test('a connection that is closed gives its ports back, and one that ends by itself is told of', async () => {
  const thread = start()
  const { speaker, released } = await call(thread)
  await speaker.close()
  await released
})

test('an offer that can not be read is refused as without a thread, and takes no ports', async () => {
  const thread = start()
  let asked = 0
  const open = thread.open({
    sdp: 'v=0\r\n',
    settings: () => (asked++, settings()),
    onPacket: () => {},
    onRefused: () => {},
    onGone: () => {},
  })
  await expect(open).rejects.toMatchObject({ name: 'AppError', status: 422, code: 'no_audio' })
  expect(asked).toBe(0)
})

test('an offer that only werift can not read comes back as its error, and its ports are free again', async () => {
  const thread = start()
  const offer = await new Promise<string>((resolve) => {
    connectSpeaker({ post: (sdp) => (resolve(sdp), Promise.reject(new Error('no more is wanted'))) }).catch(
      () => {},
    )
  })
  const released = Promise.withResolvers<void>()
  const open = thread.open({
    sdp: offer.replace(/^a=candidate:.*$/m, 'a=candidate:x'),
    settings: () => settings(released.resolve),
    onPacket: () => {},
    onRefused: () => {},
    onGone: () => {},
  })
  await expect(open).rejects.toMatchObject({ name: 'AppError', status: 400, code: 'bad_sdp' })
  await released.promise
})

test('a candidate that can not be read is refused to the one who trickled it', async () => {
  const thread = start()
  const { peer, speaker } = await call(thread)
  closing.push(speaker.close)
  await expect(
    peer.trickle('a=ice-ufrag:other\r\na=ice-pwd:otherotherotherotherother\r\n'),
  ).rejects.toMatchObject({
    status: 422,
    code: 'ice_restart_unsupported',
  })
})

test('a thread that ends gives all ports back', async () => {
  const thread = startPeerThread()
  const { released, speaker } = await call(thread)
  await thread.close()
  await released
  await speaker.vanish()
})
