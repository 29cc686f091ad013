import { expect, test } from 'vitest'
import { Unwrapper } from './rtp.ts'
import { opusSamples } from '@odeon/common/opus-packet.ts'

test('a sequence number goes on counting across its wrap, back and forth', () => {
  const unwrapper = new Unwrapper(16)
  expect([65_534, 65_535, 0, 65_533, 2, 1].map((n) => unwrapper.unwrap(n))).toEqual([
    65_534, 65_535, 65_536, 65_533, 65_538, 65_537,
  ])
})

test('a timestamp goes on across 2^32', () => {
  const unwrapper = new Unwrapper(32)
  expect([2 ** 32 - 960, 0, 960].map((n) => unwrapper.unwrap(n))).toEqual([
    2 ** 32 - 960,
    2 ** 32,
    2 ** 32 + 960,
  ])
})

test('the duration of an Opus packet is read from its first bytes (RFC 6716 §3.1)', () => {
  expect(opusSamples(Uint8Array.of(0xf8, 1))).toBe(960) // CELT fullband 20 ms.
  expect(opusSamples(Uint8Array.of(0xe0, 1))).toBe(120) // CELT 2.5 ms.
  expect(opusSamples(Uint8Array.of(0x18, 1))).toBe(2880) // SILK 60 ms.
  expect(opusSamples(Uint8Array.of(0x79, 1))).toBe(1920) // Two hybrid frames of 20 ms.
  expect(opusSamples(Uint8Array.of(0xfb, 6))).toBe(5760) // Six of 20 ms.
  expect(opusSamples(Uint8Array.of(0xfb, 7))).toBeUndefined() // 140 ms.
  expect(opusSamples(new Uint8Array(0))).toBeUndefined()
})
