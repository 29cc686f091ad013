/** ISO base media file format boxes (ISO/IEC 14496-12 §4.2), written and walked. All numbers are big-endian. */

const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
const encoder = new TextEncoder()
export const text = (value: string): Uint8Array => encoder.encode(value)

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** `type` is four ASCII letters. */
export function box(type: string, ...parts: Uint8Array[]): Uint8Array {
  const size = 8 + parts.reduce((sum, part) => sum + part.length, 0)
  return concat(u32(size), text(type), ...parts)
}

export interface Box {
  type: string
  /** Where the box begins, its header included, in the bytes that were walked. */
  start: number
  /** After the header; a view. */
  body: Uint8Array
}

/** The boxes that lie side by side in `bytes`. Throws when they don't fill it exactly. 64-bit sizes are not used here. */
export function* walkBoxes(bytes: Uint8Array): Generator<Box> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let start = 0; start < bytes.length;) {
    const left = bytes.length - start
    const size = left < 8 ? 0 : view.getUint32(start)
    if (size < 8 || size > left) throw new Error(`No box at byte ${start}: size ${size}, ${left} bytes left.`)
    const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8))
    yield { type, start, body: bytes.subarray(start + 8, start + size) }
    start += size
  }
}

/** The first box of a type in `bytes`; throws when there is none. */
export function findBox(bytes: Uint8Array, type: string): Box {
  for (const found of walkBoxes(bytes)) if (found.type === type) return found
  throw new Error(`No ${type} box in ${bytes.length} bytes.`)
}
