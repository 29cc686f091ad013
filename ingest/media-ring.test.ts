import { expect, test } from 'vitest'
import { MediaRing } from './media-ring.ts'
import type { MediaPacket } from './rtp.ts'
import { seeded } from './testing/network.ts'

const pair = (): [MediaRing, MediaRing] => {
  const memory = MediaRing.newMemory()
  return [new MediaRing(memory), new MediaRing(memory)]
}
const random = seeded(11)
const number = (to: number): number => Math.floor(random() * to)
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => number(256))
const packet = (length: number, redundant: number): MediaPacket => ({
  ssrc: number(2 ** 32),
  timestamp: number(2 ** 32),
  sequence: number(2 ** 16),
  payload: bytes(length),
  ...(redundant > 0 && {
    redundant: Array.from({ length: redundant }, (_, n) => ({
      offset: 960 * (n + 1),
      payload: bytes(number(200)),
    })),
  }),
})

test('what one thread writes the other reads, in order, byte by byte, many times round the ring', () => {
  const [writer, reader] = pair()
  const written: unknown[] = []
  const read: unknown[] = []
  for (let n = 0; n < 20_000; n++) {
    const sent = packet(number(400), number(4) === 0 ? 1 + number(3) : 0)
    expect(writer.write(n, sent, n / 7)).toBe(true)
    written.push([n, sent, n / 7])
    if (number(50) === 0 || n === 19_999) {
      reader.read((peer, got, at) => read.push([peer, got, at]))
      expect(read).toEqual(written)
      read.length = written.length = 0
    }
  }
})

test('a ring that nobody reads refuses what comes, and goes on once it is read', () => {
  const [writer, reader] = pair()
  let taken = 0
  while (writer.write(1, packet(1000, 0), 0)) taken++
  expect(taken).toBeGreaterThan(1000)
  expect(writer.write(1, packet(1000, 0), 0)).toBe(false)
  let seen = 0
  reader.read(() => seen++)
  expect(seen).toBe(taken)
  expect(writer.write(1, packet(1000, 0), 0)).toBe(true)
})

test('a payload that no datagram can hold is refused', () => {
  const [writer] = pair()
  expect(writer.write(1, packet(66_000, 0), 0)).toBe(false)
})
