import { expect, test } from 'vitest'
import { textOf } from './id3.ts'

const bytes = (text: string): number[] => [...new TextEncoder().encode(text)]
const size = (length: number): number[] => [0, 0, (length >> 7) & 0x7f, length & 0x7f]
const frame = (id: string, content: number[]): number[] => [
  ...bytes(id),
  ...size(content.length),
  0,
  0,
  ...content,
]
const txxx = (description: string, value: string): number[] =>
  frame('TXXX', [3, ...bytes(description), 0, ...bytes(value)])
const tag = (...frames: number[][]): Uint8Array =>
  Uint8Array.from([...bytes('ID3'), 4, 0, 0, ...size(frames.flat().length), ...frames.flat()])

test('the text is that of the frame with the description asked for, whatever stands before it', () => {
  const long = 'à'.repeat(200)
  const two = tag(frame('PRIV', [1, 2, 3]), txxx('other', 'no'), txxx('odeon', long))
  expect(textOf(two, 'odeon')).toBe(long)
})

test('a tag without that frame has no text, and neither has one that is cut short or of another version', () => {
  const whole = tag(txxx('odeon', 'yes'))
  expect(textOf(whole, 'nothing')).toBeUndefined()
  expect(textOf(whole.subarray(0, 20), 'odeon')).toBeUndefined()
  expect(
    textOf(
      Uint8Array.from(whole, (byte, at) => (at === 3 ? 3 : byte)),
      'odeon',
    ),
  ).toBeUndefined()
  expect(textOf(new Uint8Array(3), 'odeon')).toBeUndefined()
})

test('a tag with any byte of it damaged is read without an error', () => {
  const whole = tag(txxx('odeon', 'yes'))
  for (let at = 0; at < whole.length; at++)
    for (const byte of [0, 0x7f, 0x80, 0xff]) {
      const damaged = Uint8Array.from(whole, (right, index) => (index === at ? byte : right))
      expect(() => textOf(damaged, 'odeon')).not.toThrow()
    }
})
