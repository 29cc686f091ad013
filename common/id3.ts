import { text } from './boxes.ts'

/**
 * ID3v2.4 tags with one TXXX frame (id3v2.4.0-structure §3, §4; id3v2.4.0-frames §4.2.6): the form in which HLS players expect timed
 * metadata.
 */

const HEADER = 10
const UTF8 = 3
const TAG = Uint8Array.of(...text('ID3'), 4, 0) // v2.4.0
const TXXX = text('TXXX')

/** 28 bits in four bytes, the top bit of each zero, so that a size never looks like an MPEG sync word. */
function setSynchsafe(bytes: Uint8Array, at: number, size: number): void {
  bytes[at] = (size >>> 21) & 0x7f
  bytes[at + 1] = (size >>> 14) & 0x7f
  bytes[at + 2] = (size >>> 7) & 0x7f
  bytes[at + 3] = size & 0x7f
}
const fromSynchsafe = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 21) | (bytes[at + 1]! << 14) | (bytes[at + 2]! << 7) | bytes[at + 3]!

/** A tag with one user-defined text. `description` holds no NUL. */
export function encodeTxxx(description: string, value: string): Uint8Array {
  const strings = text(`${description}\0${value}`)
  const content = 1 + strings.length
  const tag = new Uint8Array(HEADER + HEADER + content)
  tag.set(TAG, 0) // No flags here, nor in the frame.
  setSynchsafe(tag, 6, HEADER + content)
  tag.set(TXXX, HEADER)
  setSynchsafe(tag, HEADER + 4, content)
  tag[HEADER + HEADER] = UTF8
  tag.set(strings, HEADER + HEADER + 1)
  return tag
}

/** The value of the first TXXX frame with this description; undefined when the tag has none. Throws for what is no ID3v2.4 tag. */
export function decodeTxxx(tag: Uint8Array, description: string): string | undefined {
  const ascii = (from: number, to: number) => String.fromCharCode(...tag.subarray(from, to))
  if (tag.length < HEADER || ascii(0, 3) !== 'ID3' || tag[3] !== 4)
    throw new Error(`Not an ID3v2.4 tag: ${tag.length} bytes beginning with "${ascii(0, 3)}".`)
  const end = HEADER + fromSynchsafe(tag, 6)
  if (end > tag.length) throw new Error(`ID3 tag cut short: ${tag.length} bytes of ${end}.`)
  for (let at = HEADER; at + HEADER <= end;) {
    const content = at + HEADER
    const next = content + fromSynchsafe(tag, at + 4)
    if (next > end) throw new Error(`ID3 frame at byte ${at} runs over the end of its tag.`)
    if (ascii(at, at + 4) === 'TXXX' && tag[content] === UTF8) {
      const [name, value = ''] = new TextDecoder().decode(tag.subarray(content + 1, next)).split('\0')
      if (name === description) return value
    }
    at = next
  }
  return undefined
}
