import { z } from 'zod'
import { SpaceEvent } from './events.ts'
import type { Entry, EntryId } from './ports.ts'

/**
 * An entry of `space:{id}:log`. Its id is `<epoch>-<frame+1>`; `claim` is `<epoch>-0`, by which a new owner fences off the
 * older ones; `frames` says how many there were when it claimed. `end` stands at the first frame that does not exist.
 */
export type LogEntry =
  | { kind: 'claim'; owner: string; frames: number }
  | { kind: 'frame'; opus: Uint8Array; events: SpaceEvent[] }
  | { kind: 'end'; reason: string }

export const frameId = (epoch: number, frame: number): EntryId => ({ major: epoch, minor: frame + 1 })
/** -1 for a claim. */
export const frameOf = (id: EntryId): number => id.minor - 1

/** The Opus packet that stands for 20 ms of silence without asking the decoder for concealment (CELT, all zero). */
export const SILENT_PACKET = Uint8Array.of(0xf8, 0xff, 0xfe)

const KINDS = ['claim', 'frame', 'end'] as const
const Events = z.array(z.looseObject({ type: z.string() }))
const Claim = z.object({ owner: z.string(), frames: z.number().int().nonnegative() })
const Text = z.string()

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** kind (1 byte), length of the Opus packet (2 bytes, big-endian), the packet, JSON (events, claim or reason; may be empty). */
export function encodeLogEntry(entry: LogEntry): Uint8Array {
  const opus = entry.kind === 'frame' ? entry.opus : NOTHING
  const json = jsonOf(entry)
  const text = json === '' ? NOTHING : encoder.encode(json)
  const body = new Uint8Array(3 + opus.length + text.length)
  body[0] = KINDS.indexOf(entry.kind)
  body[1] = opus.length >> 8
  body[2] = opus.length & 0xff
  body.set(opus, 3)
  body.set(text, 3 + opus.length)
  return body
}

function jsonOf(entry: LogEntry): string {
  switch (entry.kind) {
    case 'claim':
      return JSON.stringify({ owner: entry.owner, frames: entry.frames })
    case 'frame':
      return entry.events.length > 0 ? JSON.stringify(entry.events) : ''
    case 'end':
      return JSON.stringify(entry.reason)
  }
}

/** Throws when the bytes are not an entry: a foreign or damaged one. */
export function decodeLogEntry(body: Uint8Array): LogEntry {
  const kind = KINDS[body[0] ?? -1]
  if (!kind || body.length < 3) throw new Error(`Not a log entry: ${body.length} bytes, kind ${body[0]}.`)
  const end = 3 + body[1]! * 256 + body[2]!
  if (end > body.length) throw new Error(`Log entry cut short: ${body.length} bytes of at least ${end}.`)
  const text = end === body.length ? '' : decoder.decode(body.subarray(end))
  switch (kind) {
    case 'claim':
      return { kind, ...Claim.parse(JSON.parse(text)) }
    case 'end':
      return { kind, reason: Text.parse(JSON.parse(text)) }
    case 'frame':
      return { kind, opus: body.subarray(3, end), events: text ? eventsIn(JSON.parse(text)) : [] }
  }
}

/** One that we do not understand, which a newer mixer may write, is left out: the sound goes on. */
const eventsIn = (json: unknown): SpaceEvent[] =>
  Events.parse(json).flatMap((event) => SpaceEvent.safeParse(event).data ?? [])

/** The first frame after an entry: as many frames as the space has had then, holes included. Throws as `decodeLogEntry`. */
export function framesUpTo({ id, body }: Entry): number {
  const entry = decodeLogEntry(body)
  switch (entry.kind) {
    case 'claim':
      return entry.frames
    case 'frame':
      return frameOf(id) + 1
    case 'end':
      return frameOf(id)
  }
}
