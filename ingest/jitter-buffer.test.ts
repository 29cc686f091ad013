import { expect, test } from 'vitest'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { JitterBuffer, type Playout } from './jitter-buffer.ts'
import type { MediaPacket } from './rtp.ts'

/** A 20 ms CELT packet whose second byte is its number. */
const packet = (n: number, over: Partial<MediaPacket> = {}): MediaPacket => ({
  ssrc: 7,
  sequence: (65_530 + n) & 0xffff,
  timestamp: (4_294_960_000 + n * FRAME_SAMPLES) >>> 0,
  payload: Uint8Array.of(0xf8, n & 0xff, 0),
  ...over,
})
/** A 20 ms SILK packet that carries the one before it once more. */
const withFec = (n: number): MediaPacket => packet(n, { payload: Uint8Array.of(0x48, 0xc0, n) })
const show = (playout: Playout): string =>
  playout.kind === 'packet' ? String(playout.payload[playout.payload[0] === 0x48 ? 2 : 1]) : playout.kind

/** Plays `beats` frames from beat `first` on; 5 ms before beat b the packets `arrivals(b)` come in. */
function play(
  buffer: JitterBuffer,
  beats: number,
  arrivals: (beat: number) => MediaPacket[],
  first = 0,
): string[] {
  return Array.from({ length: beats }, (_, n) => {
    const at = (first + n) * FRAME_SAMPLES
    for (const arrived of arrivals(first + n)) buffer.push(arrived, at - 5 * 48)
    return show(buffer.next(at))
  })
}
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => String(from + n))

test('packets are played in order after the first delay, across the wrap of sequence and timestamp', () => {
  const heard = play(new JitterBuffer(), 20, (beat) => [packet(beat)])
  expect(heard).toEqual(['silence', ...numbers(0, 18)])
})

test('packets that arrive in the wrong order are played in the right one', () => {
  const order = [1, 0, 2, 4, 3, 5, 7, 6, 8, 9]
  const heard = play(new JitterBuffer(), 9, (beat) => [packet(order[beat]!)])
  expect(heard.slice(-6)).toEqual(numbers(2, 7))
})

test('a lost packet is recovered from the next one if that is here and can, and concealed if not', () => {
  const lost = new Set([4, 8, 9])
  const arrivals = (make: (n: number) => MediaPacket) => (beat: number) =>
    lost.has(beat) ? [] : [make(beat)]
  const heard = (fec: boolean, make: (n: number) => MediaPacket): string[] =>
    play(new JitterBuffer({ fec }), 14, arrivals(make)).slice(4)
  const gap = (one: string, last: string): string[] => [
    '3',
    one,
    ...numbers(5, 7),
    'conceal',
    last,
    '10',
    '11',
    '12',
  ]
  expect(heard(true, withFec)).toEqual(gap('recover', 'recover'))
  expect(heard(false, withFec)).toEqual(gap('conceal', 'conceal'))
  expect(heard(true, packet)).toEqual(gap('conceal', 'conceal'))
})

/** A stream that the buffer knows well, after a pause (DTX) that ended at beat 400: every packet is played on the beat after it came. */
function settled(): JitterBuffer {
  const buffer = new JitterBuffer()
  play(buffer, 300, (beat) => [packet(beat)])
  play(buffer, 101, (beat) => (beat === 400 ? [packet(400, { sequence: packet(300).sequence })] : []), 300)
  return buffer
}
const later = (n: number): MediaPacket => packet(n, { sequence: packet(n - 100).sequence })
const shown = (n: number): string => String(n & 0xff)

test('a pause gives the chance to begin anew with the delay that the network needs, and that is little if it is even', () => {
  const buffer = settled()
  expect(play(buffer, 3, (beat) => [later(beat)], 401)).toEqual([401, 402, 403].map(shown))
})

test('a packet that is lost while nothing newer is here is concealed once, and what follows is on time', () => {
  const heard = play(settled(), 5, (beat) => (beat === 402 ? [] : [later(beat)]), 401)
  expect(heard).toEqual([shown(401), 'conceal', ...[403, 404, 405].map(shown)])
})

test('a packet that is late while nothing newer is here is waited for: nothing said is left out', () => {
  const heard = play(
    settled(),
    6,
    (beat) => (beat === 402 ? [] : beat === 403 ? [later(402), later(403)] : [later(beat)]),
    401,
  )
  expect(heard).toEqual([shown(401), 'conceal', ...[402, 403, 404, 405].map(shown)])
})

test('a stream that dries up is concealed for 120 ms and then silent; when it returns with what was held up, that is still played', () => {
  const held = Array.from({ length: 8 }, (_, n) => later(402 + n))
  const heard = play(
    settled(),
    12,
    (beat) => (beat === 401 ? [later(401)] : beat < 409 ? [] : beat === 409 ? held : [later(beat)]),
    401,
  )
  expect(heard).toEqual([
    shown(401),
    ...Array<string>(6).fill('conceal'),
    'silence',
    ...[402, 403, 404, 405].map(shown),
  ])
})

test('what was held up for longer than 200 ms is left out', () => {
  const buffer = settled()
  const heard = play(
    buffer,
    41,
    (beat) => (beat === 441 ? Array.from({ length: 40 }, (_, n) => later(402 + n)) : []),
    401,
  )
  expect(heard.at(-1)).toBe(shown(431))
  expect(buffer.counts.skipped).toBe(29)
})

test('a pause that the sender announced (DTX) is silence at once, not concealment', () => {
  const dtx = (beat: number): MediaPacket[] =>
    beat === 401 ? [packet(401, { sequence: packet(301).sequence, payload: Uint8Array.of(0xf8, 145) })] : []
  expect(play(settled(), 4, dtx, 401)).toEqual([shown(401), ...Array<string>(3).fill('silence')])
})

test('duplicates and packets too late are dropped and counted', () => {
  const buffer = new JitterBuffer()
  play(buffer, 10, (beat) => (beat === 2 ? [] : [packet(beat), packet(beat)]))
  buffer.push(packet(5), 10 * FRAME_SAMPLES)
  expect(buffer.counts).toMatchObject({ duplicate: 10, late: 0 })
  buffer.push(packet(2), 10 * FRAME_SAMPLES)
  expect(buffer.counts.late).toBe(1)
})

test('redundancy (RED) stands in for what was lost, and is no duplicate of what was not', () => {
  const red = (n: number): MediaPacket =>
    packet(n, { redundant: [{ offset: FRAME_SAMPLES, payload: packet(n - 1).payload }] })
  const buffer = new JitterBuffer()
  const heard = play(buffer, 12, (beat) => (beat === 4 || beat === 7 ? [] : [red(beat)]))
  expect(heard.slice(2)).toEqual(numbers(1, 10))
  expect(buffer.counts).toMatchObject({ redundant: 3, duplicate: 0, lost: 0, late: 0 }) // One of them from before the first packet.
})

test('the buffer holds two seconds; when it is full the oldest packet goes', () => {
  const buffer = new JitterBuffer()
  for (let n = 0; n < 130; n++) buffer.push(packet(n), n * FRAME_SAMPLES)
  expect(buffer.counts.overflow).toBe(30)
  expect(buffer.next(130 * FRAME_SAMPLES).kind).toBe('packet')
})

test('the delay that is wanted follows the network: up with its jitter, and down again', () => {
  const buffer = new JitterBuffer()
  const jitter = (beat: number, ms: number): MediaPacket[] => {
    buffer.push(packet(beat), (beat * 20 + (beat % 4) * ms) * 48)
    return []
  }
  for (let beat = 0; beat < 500; beat++) jitter(beat, 0)
  expect(buffer.wanted / 48).toBeLessThanOrEqual(5)
  for (let beat = 500; beat < 1000; beat++) jitter(beat, 15)
  expect(buffer.wanted / 48).toBeGreaterThanOrEqual(45)
  expect(buffer.wanted / 48).toBeLessThanOrEqual(50)
  for (let beat = 1000; beat < 4000; beat++) jitter(beat, 0)
  expect(buffer.wanted / 48).toBeLessThanOrEqual(5)
})

test('a jump of the clock begins a new stream, forth or back', () => {
  for (const by of [3_000_000, -3_000_000, -100_000]) {
    const buffer = new JitterBuffer()
    play(buffer, 10, (beat) => [packet(beat)])
    const jumped = (n: number): MediaPacket => packet(n, { timestamp: (packet(n).timestamp + by) >>> 0 })
    expect(play(buffer, 8, (beat) => [jumped(beat)], 10).slice(-5)).toEqual(numbers(12, 16))
  }
})

test('another stream (SSRC) is taken up when it goes on alone, and dropped and counted while the speaker’s own is there', () => {
  const buffer = new JitterBuffer()
  const other = (n: number): MediaPacket => packet(n, { ssrc: 8, timestamp: 1_000_000 + n * FRAME_SAMPLES })
  expect(play(buffer, 10, (beat) => [packet(beat), other(beat + 100)]).slice(1)).toEqual(numbers(0, 8))
  expect(buffer.counts.foreign).toBe(10)
  const heard = play(buffer, 8, (beat) => [other(beat)], 10)
  expect(heard.slice(-4)).toEqual(numbers(13, 16))
})

test('what is no Opus packet is dropped and counted', () => {
  const buffer = new JitterBuffer()
  buffer.push(packet(0, { payload: Uint8Array.of(0xfb, 0) }), 0) // Code 3 with no frames.
  buffer.push(packet(1, { payload: Uint8Array.of(0x1b, 63) }), 0) // 63 frames of 60 ms.
  buffer.push(packet(2, { payload: new Uint8Array(0) }), 0)
  expect(buffer.counts).toMatchObject({ received: 3, invalid: 2 })
  expect(buffer.next(FRAME_SAMPLES).kind).toBe('silence')
})

test('packets of 60 ms take three beats of the clock', () => {
  const buffer = new JitterBuffer()
  const long = (n: number): MediaPacket =>
    packet(n, { timestamp: 1000 + n * 2880, payload: Uint8Array.of(0x18, n) })
  const samples = [0, 1].map((n) => {
    buffer.push(long(n), n * 2880)
    return buffer.next(n * 2880 + FRAME_SAMPLES).samples
  })
  expect(samples).toEqual([2880, 2880])
})
