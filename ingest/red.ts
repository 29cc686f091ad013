import type { Redundant } from './rtp.ts'

/** RTP payloads for redundant audio data, RFC 2198 §3: frames before this one, sent once more, and then the frame itself. */

export interface RedPayload {
  payload: Uint8Array
  /** In the order of the packet: the newest last. */
  redundant: Redundant[]
}

/** More than a browser ever puts into one packet. */
const MAX_BLOCKS = 8

/** Undefined for bytes that are none, and for a payload whose own frame is not of `payloadType`; redundancy of other types is left out. */
export function parseRed(bytes: Uint8Array, payloadType: number): RedPayload | undefined {
  const blocks: { type: number; offset: number; length: number }[] = []
  let at = 0
  // F(1) type(7) offset(14) length(10), and last F(1) type(7).
  while (bytes[at] !== undefined && bytes[at]! & 0x80) {
    if (at + 4 > bytes.length || blocks.length === MAX_BLOCKS) return undefined
    blocks.push({
      type: bytes[at]! & 0x7f,
      offset: (bytes[at + 1]! << 6) | (bytes[at + 2]! >> 2),
      length: ((bytes[at + 2]! & 3) << 8) | bytes[at + 3]!,
    })
    at += 4
  }
  if (bytes[at++] !== payloadType) return undefined
  const redundant: Redundant[] = []
  for (const { type, offset, length } of blocks) {
    if (at + length > bytes.length) return undefined
    if (type === payloadType && length > 0 && offset > 0)
      redundant.push({ offset, payload: bytes.subarray(at, at + length) })
    at += length
  }
  return { payload: bytes.subarray(at), redundant }
}
