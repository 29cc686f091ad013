import { concat, text, u8, zeros } from './boxes.ts'

/**
 * ID3v2.4 tags with one TXXX frame (id3v2.4.0-structure §3, §4; id3v2.4.0-frames §4.2.6): the form in which HLS players expect timed
 * metadata.
 */

const HEADER = 10
const UTF8 = 3

/** 28 bits in four bytes, the top bit of each zero, so that a size never looks like an MPEG sync word. */
const synchsafe = (size: number): Uint8Array =>
  Uint8Array.of((size >>> 21) & 0x7f, (size >>> 14) & 0x7f, (size >>> 7) & 0x7f, size & 0x7f)
const fromSynchsafe = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 21) | (bytes[at + 1]! << 14) | (bytes[at + 2]! << 7) | bytes[at + 3]!

/** A tag with one user-defined text. `description` holds no NUL. */
export function encodeTxxx(description: string, value: string): Uint8Array {
  const content = concat(u8(UTF8), text(description), u8(0), text(value))
  const frame = concat(text('TXXX'), synchsafe(content.length), zeros(2), content)
  return concat(text('ID3'), Uint8Array.of(4, 0, 0), synchsafe(frame.length), frame)
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
