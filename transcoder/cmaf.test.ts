import { expect, test } from 'vitest'
import { AAC, OPUS } from '@odeon/common/rendition.ts'
import { concat, findBox, walkBoxes } from '@odeon/common/boxes.ts'
import { cmafChunk } from './cmaf.ts'
import { readSegment } from './segment-reader.ts'
import { stage } from './testing/space-log.ts'

const frames = [3, 5, 7, 11, 13].map((length, i) => new Uint8Array(length).fill(i + 1))
const events = { v: 1 as const, startedAt: 5, events: [{ ...stage('One'), frame: 960 }] }
const types = (bytes: Uint8Array) => Array.from(walkBoxes(bytes), (box) => box.type)
const words = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes).readUInt32BE(i * 4))

test('a chunk is emsg, moof and mdat, or moof and mdat when nothing happened', () => {
  expect(types(cmafChunk({ rendition: AAC, position: { msn: 10, chunk: 2 }, frames, events }))).toEqual([
    'emsg',
    'moof',
    'mdat',
  ])
  expect(types(cmafChunk({ rendition: AAC, position: { msn: 10, chunk: 2 }, frames }))).toEqual([
    'moof',
    'mdat',
  ])
  const none = { ...events, events: [] }
  expect(types(cmafChunk({ rendition: AAC, position: { msn: 10, chunk: 2 }, frames, events: none }))).toEqual(
    ['moof', 'mdat'],
  )
})

test('every number in a moof follows from the position of the chunk', () => {
  const bytes = cmafChunk({ rendition: AAC, position: { msn: 100_000, chunk: 2 }, frames, events })
  const moof = findBox(bytes, 'moof')
  expect(types(moof.body)).toEqual(['mfhd', 'traf'])
  expect(words(findBox(moof.body, 'mfhd').body)).toEqual([0, 100_000 * 18 + 3])
  const traf = findBox(moof.body, 'traf').body
  expect(types(traf)).toEqual(['tfhd', 'tfdt', 'trun'])
  expect(words(findBox(traf, 'tfhd').body)).toEqual([0x020000, 1])
  const decodeTime = 100_000 * 92_160 + 2 * 5120
  expect(words(findBox(traf, 'tfdt').body)).toEqual([
    0x01000000,
    Math.floor(decodeTime / 2 ** 32),
    decodeTime % 2 ** 32,
  ])
  const [flags, count, offset, ...sizes] = words(findBox(traf, 'trun').body)
  expect([flags, count, ...sizes]).toEqual([0x000201, 5, 3, 5, 7, 11, 13])
  expect(bytes.subarray(moof.start + offset!)).toEqual(concat(...frames))
})

test('a segment says how many frames and which events it holds, out of its own boxes', () => {
  const segment = concat(
    cmafChunk({ rendition: AAC, position: { msn: 0, chunk: 0 }, frames, events }),
    cmafChunk({ rendition: AAC, position: { msn: 0, chunk: 1 }, frames: frames.slice(0, 2) }),
  )
  expect(readSegment(segment)).toEqual({ frames: 7, events: [events] })
  expect(() => readSegment(segment.subarray(0, segment.length - 1))).toThrow('No box at byte')
})

test('an Opus chunk differs in its place on the sample clock and its number alone', () => {
  const bytes = cmafChunk({ rendition: OPUS, position: { msn: 2, chunk: 3 }, frames: frames.slice(0, 4) })
  const moof = findBox(bytes, 'moof').body
  expect(words(findBox(moof, 'mfhd').body)).toEqual([0, 2 * 24 + 4])
  expect(words(findBox(findBox(moof, 'traf').body, 'tfdt').body)).toEqual([
    0x01000000,
    0,
    2 * 92_160 + 3 * 3840,
  ])
})
