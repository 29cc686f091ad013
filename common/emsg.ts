import { ChunkEvents } from './events.ts'
import { SAMPLE_RATE, type Samples } from './time.ts'
import { concat, fullBox, text, u32, u64, u8 } from './boxes.ts'
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

export const encodeEmsg = ({ presentationTime, duration, id, events }: EventMessage): Uint8Array =>
  fullBox(
    'emsg',
    1,
    0,
    u32(SAMPLE_RATE), // timescale
    u64(presentationTime),
    u32(duration),
    u32(id),
    text(ID3_SCHEME),
    u8(0),
    u8(0), // value: ""
    encodeTxxx(DESCRIPTION, JSON.stringify(events)),
  )

const FIXED = 24 // version and flags, timescale, presentation time, duration, id

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
