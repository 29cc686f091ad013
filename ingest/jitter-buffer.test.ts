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
const show = (playout: Playout): string =>
  playout.kind === 'packet' ? String(playout.payload[1]) : playout.kind

/** Plays `beats` frames; before beat b the packets `arrivals(b)` come in. */
function play(buffer: JitterBuffer, beats: number, arrivals: (beat: number) => MediaPacket[]): string[] {
  return Array.from({ length: beats }, (_, beat) => {
    for (const arrived of arrivals(beat)) buffer.push(arrived)
    return show(buffer.next(false))
  })
}

test('packets are played in order after the first delay, across the wrap of sequence and timestamp', () => {
  const heard = play(new JitterBuffer(), 20, (beat) => [packet(beat)])
  expect(heard.slice(0, 1)).toEqual(['silence'])
  expect(heard.slice(1)).toEqual(Array.from({ length: 19 }, (_, n) => String(n)))
})

test('packets that arrive in the wrong order are played in the right one', () => {
  const order = [1, 0, 2, 4, 3, 5, 7, 6, 8, 9]
  const heard = play(new JitterBuffer(), 9, (beat) => [packet(order[beat]!)])
  expect(heard.slice(1)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
})

test('a lost packet is recovered from the next one if that is here, and concealed if not', () => {
  const buffer = new JitterBuffer()
  const lost = new Set([4, 8, 9])
  const heard = play(buffer, 14, (beat) => (lost.has(beat) ? [] : [packet(beat)]))
  expect(heard.slice(1)).toEqual([
    '0',
    '1',
    '2',
    '3',
    'recover',
    '5',
    '6',
    '7',
    'conceal',
    'recover',
    '10',
    '11',
    '12',
  ])
})

test('a pause without loss (DTX) is silence, not concealment', () => {
  const buffer = new JitterBuffer()
  for (let n = 0; n < 2; n++) buffer.push(packet(n))
  const heard = [show(buffer.next(false))]
  buffer.push(packet(10, { sequence: packet(2).sequence }))
  heard.push(...Array.from({ length: 10 }, () => show(buffer.next(false))))
  expect(heard).toEqual(['0', '1', ...Array<string>(8).fill('silence'), '10'])
})

test('a stream that dries up is concealed for 100 ms, then silent, and starts anew with its delay', () => {
  const buffer = new JitterBuffer()
  const heard = play(buffer, 30, (beat) => (beat < 5 || beat >= 20 ? [packet(beat)] : []))
  expect(heard.filter((what) => what === 'conceal')).toHaveLength(5)
  expect(heard.slice(-9)).toEqual(['20', '21', '22', '23', '24', '25', '26', '27', '28'])
})

test('duplicates and packets too late are dropped and counted, and lateness makes the delay grow', () => {
  const buffer = new JitterBuffer()
  const before = buffer.target
  play(buffer, 10, (beat) => (beat === 2 ? [] : [packet(beat), packet(beat)]))
  buffer.push(packet(5))
  expect(buffer.counts).toMatchObject({ duplicate: 9, late: 1 })
  expect(buffer.target).toBe(before)
  buffer.push(packet(2))
  expect(buffer.counts.late).toBe(2)
  expect(buffer.target).toBe(before + FRAME_SAMPLES)
})

test('the buffer holds two seconds; when it is full the oldest packet goes', () => {
  const buffer = new JitterBuffer()
  for (let n = 0; n < 130; n++) buffer.push(packet(n))
  expect(buffer.counts.overflow).toBe(30)
  expect(buffer.next(false).kind).toBe('packet')
})

test('what a network that had stopped hands over at once is left out, but for the delay aimed at', () => {
  const buffer = new JitterBuffer()
  for (let n = 0; n < 40; n++) buffer.push(packet(n))
  expect(show(buffer.next(false))).toBe('38')
})

test('a packet that comes too late by a frame makes the delay grow and is still played, without a hole', () => {
  const buffer = new JitterBuffer()
  const heard = play(buffer, 20, (beat) =>
    beat === 8 ? [] : beat === 9 ? [packet(9)] : beat === 10 ? [packet(10), packet(8)] : [packet(beat)],
  )
  expect(heard.slice(5)).not.toContain('silence')
  expect(heard).toContain('8')
})

test('a pause that the sender announced (DTX) is silent at once', () => {
  const buffer = new JitterBuffer()
  const heard = play(buffer, 12, (beat) =>
    beat < 5 ? [packet(beat)] : beat === 5 ? [packet(5, { payload: Uint8Array.of(0xf8, 5) })] : [],
  )
  expect(heard.slice(-5)).toEqual(Array<string>(5).fill('silence'))
})

test('more delay than is aimed at is brought down in quiet moments', () => {
  const buffer = new JitterBuffer()
  for (let n = 0; n < 2; n++) buffer.push(packet(n))
  buffer.next(false)
  for (let n = 2; n < 20; n++) buffer.push(packet(n)) // 360 ms at once, in the middle of playing.
  for (let beat = 0; beat < 50 * 120; beat++) {
    buffer.push(packet(20 + beat))
    buffer.next(true)
  }
  expect(buffer.counts.skipped).toBeGreaterThanOrEqual(16)
  expect(buffer.counts.skipped).toBeLessThanOrEqual(20)
  expect(buffer.counts.lost).toBe(0)
})

test('another SSRC or a jump of the clock begins a new stream', () => {
  const buffer = new JitterBuffer()
  play(buffer, 10, (beat) => [packet(beat)])
  const other = (n: number): MediaPacket => packet(n, { ssrc: 8, timestamp: 1_000_000 + n * FRAME_SAMPLES })
  expect(play(buffer, 5, (beat) => [other(beat)]).slice(1)).toEqual(['0', '1', '2', '3'])
})

test('what is no Opus packet is dropped and counted', () => {
  const buffer = new JitterBuffer()
  buffer.push(packet(0, { payload: Uint8Array.of(0xfb, 0) })) // Code 3 with no frames.
  buffer.push(packet(1, { payload: Uint8Array.of(0x1b, 63) })) // 63 frames of 60 ms.
  buffer.push(packet(2, { payload: new Uint8Array(0) }))
  expect(buffer.counts).toMatchObject({ received: 3, invalid: 2 })
  expect(buffer.next(false).kind).toBe('silence')
})

test('packets of 60 ms take three beats of the clock', () => {
  const buffer = new JitterBuffer()
  const long = (n: number): MediaPacket =>
    packet(n, { timestamp: 1000 + n * 2880, payload: Uint8Array.of(0x18, n) })
  const samples = [0, 1].map((n) => {
    buffer.push(long(n))
    return buffer.next(false).samples
  })
  expect(samples).toEqual([2880, 2880])
})
