import { ChunkEvents } from './events.ts'
import { SAMPLE_RATE, type Samples } from './time.ts'
import { concat, text } from './boxes.ts'
import { decodeTxxx, encodeTxxx } from './id3.ts'

/** Event messages (ISO/IEC 23009-1 §5.10.3.3, version 1) that carry ID3 by the AOM's "Carriage of ID3 Timed Metadata in CMAF". */

export const ID3_SCHEME = 'https://aomedia.org/emsg/ID3'
const DESCRIPTION = 'odeon'

export interface EventMessage {
  /** Absolute, on the timeline of the space. */
  presentationTime: Samples
  duration: Samples
  /** Unique in the space. */
  id: number
  events: ChunkEvents
}

const BOX_HEADER = 8
const FIXED = 24 // version and flags, timescale, presentation time, duration, id
const TYPE = text('emsg')
/** The scheme and the value, which is empty, each with its end. */
const STRINGS = text(`${ID3_SCHEME}\0\0`)

/** As the moof, it is written many times a second, so straight into its place. */
export function encodeEmsg({ presentationTime, duration, id, events }: EventMessage): Uint8Array {
  const tag = encodeTxxx(DESCRIPTION, JSON.stringify(events))
  const box = new Uint8Array(BOX_HEADER + FIXED + STRINGS.length + tag.length)
  const view = new DataView(box.buffer)
  view.setUint32(0, box.length)
  box.set(TYPE, 4)
  view.setUint8(8, 1) // version; no flags
  view.setUint32(12, SAMPLE_RATE) // timescale
  view.setUint32(16, Math.floor(presentationTime / 2 ** 32))
  view.setUint32(20, presentationTime % 2 ** 32)
  view.setUint32(24, duration)
  view.setUint32(28, id)
  box.set(STRINGS, BOX_HEADER + FIXED)
  box.set(tag, BOX_HEADER + FIXED + STRINGS.length)
  return box
}

/** The body of an `emsg` box; undefined for one of another scheme or without our text. Throws when it is damaged. */
export function decodeEmsg(body: Uint8Array): EventMessage | undefined {
  const text = textOfEmsg(body)
  if (text === undefined) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  return {
    presentationTime: Number(view.getBigUint64(8)),
    duration: view.getUint32(16),
    id: view.getUint32(20),
    events: ChunkEvents.parse(JSON.parse(text)),
  }
}

/** The JSON in the body of an `emsg` box, as it is; undefined for one of another scheme or without our text. Throws when it is damaged. */
export function textOfEmsg(body: Uint8Array): string | undefined {
  const at = messageStart(body)
  return at === undefined ? undefined : decodeTxxx(body.subarray(at), DESCRIPTION)
}

/** The body with another JSON, filled up with spaces to the same number of bytes. Throws when it would need more. */
export function withText(body: Uint8Array, json: string): Uint8Array {
  const head = body.subarray(0, messageStart(body))
  const missing = body.length - head.length - encodeTxxx(DESCRIPTION, json).length
  if (missing < 0) throw new Error(`The text of an emsg box has no room for ${-missing} bytes more.`)
  return concat(head, encodeTxxx(DESCRIPTION, json + ' '.repeat(missing)))
}

/** Where the message begins that the scheme speaks of; undefined for another scheme than ours. */
function messageStart(body: Uint8Array): number | undefined {
  if (body.length < FIXED || body[0] !== 1) return undefined
  const schemeEnd = body.indexOf(0, FIXED)
  const valueEnd = body.indexOf(0, schemeEnd + 1)
  if (schemeEnd < 0 || valueEnd < 0) throw new Error('An emsg box without the ends of its strings.')
  if (new TextDecoder().decode(body.subarray(FIXED, schemeEnd)) !== ID3_SCHEME) return undefined
  return valueEnd + 1
}
