import { expect, test } from 'vitest'
import { chunkId, chunkPosition, decodeChunk, encodeChunk } from './chunk.ts'
import type { SpaceEvent } from './events.ts'
import { decodeLogEntry, encodeLogEntry, type LogEntry } from './frame.ts'
import { AAC, chunkAt, chunkStart, nextChunk, OPUS, RENDITIONS } from './rendition.ts'
import { frameAt, SEGMENT_SAMPLES, wallClock } from './time.ts'

test.each<LogEntry>([
  { kind: 'claim', owner: 'node-1', frames: 7 },
  { kind: 'end', reason: 'host' },
  { kind: 'frame', opus: Uint8Array.of(1, 2, 3), events: [] },
  { kind: 'frame', opus: new Uint8Array(0), events: [{ type: 'talking', ids: ['anaanaana'] }] },
])('a log entry of kind $kind is read as it was written', (entry) => {
  expect(decodeLogEntry(encodeLogEntry(entry))).toEqual(entry)
})

test.each([[[]], [[9, 0, 0]], [[1, 0, 9, 1]], [[1, 0, 0, 0x7b]], [[1, 0, 0, 0x5b, 0x31, 0x5d]], [[0, 0, 0]]])(
  'bytes that are no log entry throw: %j',
  (bytes) => {
    expect(() => decodeLogEntry(Uint8Array.from(bytes))).toThrow()
  },
)

test('a chunk is read as it was written, out of the middle of a larger buffer too', () => {
  const chunk = { frames: 5, last: true, startedAt: 1_790_000_000_123, bytes: Uint8Array.of(7, 8) }
  const body = encodeChunk(chunk)
  const inside = new Uint8Array(body.length + 8)
  inside.set(body, 5)
  expect(decodeChunk(inside.subarray(5, 5 + body.length))).toEqual(chunk)
  expect(() => decodeChunk(Uint8Array.of(1, 2))).toThrow('Not a chunk')
  expect(() => decodeChunk(new Uint8Array(20).fill(9))).toThrow('Not a chunk')
})

test.each(Object.values(RENDITIONS))(
  'the number of a chunk is a function of the sample clock: $name',
  (rendition) => {
    const { chunkSamples } = rendition
    for (const sample of [
      0,
      chunkSamples - 1,
      chunkSamples,
      SEGMENT_SAMPLES - 1,
      SEGMENT_SAMPLES,
      123_456_789,
    ]) {
      const position = chunkAt(rendition, sample)
      expect(chunkStart(rendition, position)).toBeLessThanOrEqual(sample)
      expect(chunkStart(rendition, position) + chunkSamples).toBeGreaterThan(sample)
      expect(chunkStart(rendition, nextChunk(rendition, position))).toBe(
        chunkStart(rendition, position) + chunkSamples,
      )
      expect(chunkPosition(chunkId(position))).toEqual(position)
    }
  },
)

test('a segment is a whole number of frames, chunks and parts of either rendition', () => {
  expect(AAC).toMatchObject({ chunkSamples: 5120, chunksPerSegment: 18, partsPerSegment: 9 })
  expect(OPUS).toMatchObject({ chunkSamples: 3840, chunksPerSegment: 24, partsPerSegment: 8 })
})

test('frames and samples have a wall clock that does not round away', () => {
  expect(wallClock(1000, 48_000 * 3600)).toBe(1000 + 3_600_000)
  expect(frameAt(1000, 1019.9)).toBe(0)
  expect(frameAt(1000, 1020)).toBe(1)
  expect(frameAt(1000, 999)).toBe(-1)
})

test('an event of a kind that a newer mixer writes is left out, and the sound goes on', () => {
  const body = encodeLogEntry({
    kind: 'frame',
    opus: Uint8Array.of(1, 2),
    events: [{ type: 'fireworks' } as unknown as SpaceEvent, { type: 'talking', ids: [] }],
  })
  expect(decodeLogEntry(body)).toEqual({
    kind: 'frame',
    opus: Uint8Array.of(1, 2),
    events: [{ type: 'talking', ids: [] }],
  })
})
