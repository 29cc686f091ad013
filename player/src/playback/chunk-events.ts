import { TimedEvent, type ChunkEvents } from '@odeon/common/events.ts'
import * as z from 'zod/mini'
import { textOf } from './id3.ts'

/** The description of our TXXX frames. */
export const DESCRIPTION = 'odeon'
/** More than any chunk carries; what is longer is not ours. */
const MAX_EVENTS = 200

/** `ChunkEvents`, with events of any kind. */
const Envelope = z.object({
  v: z.literal(1),
  startedAt: z.number(),
  events: z.array(z.unknown()).check(z.maxLength(MAX_EVENTS)),
})

/**
 * The events in the text of a frame. Undefined for what is not ours; an event that we do not understand, which a newer server may
 * well send, is left out.
 */
export function parseChunkEvents(text: string): ChunkEvents | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const envelope = Envelope.safeParse(json)
  if (!envelope.success) return undefined
  const { v, startedAt, events } = envelope.data
  return { v, startedAt, events: events.flatMap((event) => TimedEvent.safeParse(event).data ?? []) }
}

/** The events in an ID3 tag, as it comes out of an `emsg` box. Undefined for whatever else. */
export function eventsOf(tag: Uint8Array): ChunkEvents | undefined {
  const text = textOf(tag, DESCRIPTION)
  return text === undefined ? undefined : parseChunkEvents(text)
}
