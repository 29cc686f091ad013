/**
 * ID3v2.4 tags with TXXX frames (id3v2.4.0-structure §3, §4; id3v2.4.0-frames §4.2.6): the form in which events ride in the sound.
 */

const HEADER = 10
const UTF8 = 3

/** 28 bits in four bytes whose top bits are zero (§6.2); what has others is longer than anything. */
const synchsafe = (bytes: Uint8Array, at: number): number => {
  const four = bytes.subarray(at, at + 4)
  return four.every((byte) => byte < 0x80) ? four.reduce((size, byte) => (size << 7) | byte, 0) : Infinity
}

/** The value of the first TXXX frame with this description; undefined when there is none, or when the tag is damaged. */
export function textOf(tag: Uint8Array, description: string): string | undefined {
  const ascii = (from: number) => String.fromCharCode(...tag.subarray(from, from + 4))
  if (tag.length < HEADER || !ascii(0).startsWith('ID3')) return undefined
  if (tag[3] !== 4 || tag[5] !== 0) return undefined // Ours are 2.4 without any flag.
  const end = Math.min(tag.length, HEADER + synchsafe(tag, 6))
  for (let at = HEADER; at + HEADER <= end;) {
    const content = at + HEADER
    const next = content + synchsafe(tag, at + 4)
    if (next > end) return undefined
    if (ascii(at) === 'TXXX' && tag[content] === UTF8) {
      const text = new TextDecoder().decode(tag.subarray(content + 1, next))
      const border = text.indexOf('\0')
      if (border >= 0 && text.slice(0, border) === description) return text.slice(border + 1)
    }
    at = next
  }
  return undefined
}
