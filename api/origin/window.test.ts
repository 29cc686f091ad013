import { expect, test } from 'vitest'
import { AAC, OPUS } from '@odeon/common/rendition.ts'
import { bytesOf, chunkOf, endWindow, positions, windowOf } from './harness.ts'
import {
  addChunk,
  chunkFault,
  createWindow,
  findSegment,
  hintedPart,
  KEPT_SEGMENTS,
  partBytes,
  segmentBytes,
  wholeParts,
} from './window.ts'

test('a segment is the concatenation of its chunks, and its parts in order are the segment', () => {
  const segment = findSegment(windowOf({ segments: 3 }), 1)!
  const chunks = Buffer.concat(positions(18, 1).map(bytesOf))
  expect(Buffer.from(segmentBytes(segment))).toEqual(chunks)
  const parts = Array.from({ length: wholeParts(segment) }, (_, part) => partBytes(segment, part)!)
  expect(Buffer.concat(parts)).toEqual(chunks)
})

test('a part has its bytes as soon as both of its chunks are there, not before', () => {
  expect(partBytes(findSegment(windowOf({ chunks: 3 }), 0)!, 1)).toBeUndefined()
  const part = partBytes(findSegment(windowOf({ chunks: 4 }), 0)!, 1)!
  expect(Buffer.from(part)).toEqual(
    Buffer.concat([bytesOf({ msn: 0, chunk: 2 }), bytesOf({ msn: 0, chunk: 3 })]),
  )
})

test('a part of Opus is three chunks, and a segment eight parts', () => {
  expect(partBytes(findSegment(windowOf({ rendition: OPUS, chunks: 5 }), 0)!, 1)).toBeUndefined()
  const segment = findSegment(windowOf({ rendition: OPUS, segments: 2 }), 1)!
  expect(wholeParts(segment)).toBe(8)
  expect(Buffer.from(partBytes(segment, 7)!)).toEqual(
    Buffer.concat([21, 22, 23].map((chunk) => bytesOf({ msn: 1, chunk }))),
  )
  expect(hintedPart(windowOf({ rendition: OPUS, segments: 2, chunks: 5 }))).toEqual({ msn: 2, part: 1 })
})

test('the last part of a space may be a single chunk', () => {
  const window = endWindow(windowOf({ chunks: 4 }), 2)
  const segment = findSegment(window, 0)!
  expect(wholeParts(segment)).toBe(3)
  expect(Buffer.from(partBytes(segment, 2)!)).toEqual(bytesOf({ msn: 0, chunk: 4 }))
  expect(hintedPart(window)).toBeUndefined()
})

test('a reader that begins in the middle of a segment waits for the next one', () => {
  const window = createWindow(AAC)
  const late = positions(40).slice(5)
  expect(addChunk(window, late[0]!, chunkOf(late[0]!))).toBe('early')
  for (const position of late) addChunk(window, position, chunkOf(position))
  expect(window.segments.map(({ msn }) => msn)).toEqual([1, 2])
})

test('about a minute of segments is kept, and no more', () => {
  const window = windowOf({ segments: KEPT_SEGMENTS + 20 })
  expect(window.segments).toHaveLength(KEPT_SEGMENTS)
  expect(findSegment(window, 20)?.msn).toBe(20)
  expect(findSegment(window, 19)).toBeUndefined()
})

test('after a hole the window begins anew with the next whole segment, and its numbers go on', () => {
  const window = windowOf({ segments: 2, chunks: 3 })
  const missing = { msn: 2, chunk: 4 }
  expect(addChunk(window, missing, chunkOf(missing))).toBe('hole')
  expect(window.segments).toEqual([])
  const next = { msn: 3, chunk: 0 }
  expect(addChunk(window, next, chunkOf(next))).toBe('added')
  expect(window.segments.map(({ msn }) => msn)).toEqual([3])
})

test('a chunk that was there before, or comes after the end, changes nothing', () => {
  const window = windowOf({ segments: 1 })
  expect(addChunk(window, { msn: 0, chunk: 4 }, chunkOf({ msn: 0, chunk: 4 }))).toBe('old')
  endWindow(window, 0)
  expect(addChunk(window, { msn: 2, chunk: 0 }, chunkOf({ msn: 2, chunk: 0 }))).toBe('old')
  expect(window.segments).toHaveLength(1)
})

test('a chunk that can not be what it says is a fault', () => {
  const at = { msn: 3, chunk: 4 }
  expect(chunkFault(AAC, at, chunkOf(at))).toBeUndefined()
  expect(chunkFault(AAC, at, chunkOf(at, { frames: 3, last: true }))).toBeUndefined()
  expect(
    chunkFault(AAC, at, chunkOf(at, { frames: 0, last: true, bytes: new Uint8Array(0) })),
  ).toBeUndefined()
  expect(chunkFault(AAC, { msn: 3, chunk: 18 }, chunkOf(at))).toContain('no chunk 18')
  expect(chunkFault(AAC, { msn: 3, chunk: -1 }, chunkOf(at))).toContain('no chunk -1')
  expect(chunkFault(AAC, at, chunkOf(at, { frames: 4 }))).toContain('4 frames')
  expect(chunkFault(AAC, at, chunkOf(at, { frames: 6, last: true }))).toContain('6 frames')
  expect(chunkFault(AAC, at, chunkOf(at, { bytes: new Uint8Array(0) }))).toContain('no bytes')
  expect(chunkFault(AAC, at, chunkOf(at, { startedAt: NaN }))).toContain('NaN')
  expect(chunkFault(OPUS, { msn: 3, chunk: 23 }, chunkOf(at, { frames: 4 }))).toBeUndefined()
  expect(chunkFault(OPUS, at, chunkOf(at))).toContain('5 frames')
})
