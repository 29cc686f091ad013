import { expect, test } from 'vitest'
import { parseRed } from './red.ts'
import { seeded } from './testing/network.ts'

const block = (type: number, offset: number, length: number): number[] => [
  0x80 | type,
  offset >> 6,
  ((offset & 0x3f) << 2) | (length >> 8),
  length & 0xff,
]

test('a frame and the two before it, as Chromium sends them', () => {
  const bytes = Uint8Array.of(...block(111, 1920, 2), ...block(111, 960, 3), 111, 1, 2, 3, 4, 5, 6, 7)
  expect(parseRed(bytes, 111)).toEqual({
    payload: Uint8Array.of(6, 7),
    redundant: [
      { offset: 1920, payload: Uint8Array.of(1, 2) },
      { offset: 960, payload: Uint8Array.of(3, 4, 5) },
    ],
  })
})

test('a frame alone, and one whose redundancy is empty or of another kind', () => {
  expect(parseRed(Uint8Array.of(111, 9), 111)).toEqual({ payload: Uint8Array.of(9), redundant: [] })
  const bytes = Uint8Array.of(...block(111, 960, 0), ...block(0, 960, 1), 111, 5, 9)
  expect(parseRed(bytes, 111)).toEqual({ payload: Uint8Array.of(9), redundant: [] })
})

test.each([
  ['nothing', []],
  ['a header that is cut off', block(111, 960, 3).slice(0, 3)],
  ['no frame after the headers', block(111, 960, 3)],
  ['a block longer than the packet', [...block(111, 960, 300), 111, 1, 2]],
  ['a frame of another type', [0, 1, 2]],
  ['headers without end', Array.from({ length: 20 }, () => block(111, 960, 1)).flat()],
])('%s is no redundant audio', (_name, bytes) => {
  expect(parseRed(Uint8Array.from(bytes), 111)).toBeUndefined()
})

test('any bytes are answered, and nothing beyond them is read', () => {
  const random = seeded(1)
  for (let n = 0; n < 20_000; n++) {
    const bytes = Uint8Array.from({ length: random() * 40 }, () => (random() < 0.3 ? 0xef : random() * 256))
    const red = parseRed(bytes, 111)
    const length =
      red &&
      [red.payload, ...red.redundant.map(({ payload }) => payload)].reduce((sum, b) => sum + b.length, 0)
    expect(length ?? 0).toBeLessThanOrEqual(bytes.length)
  }
})
