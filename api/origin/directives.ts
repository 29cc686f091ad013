import { SAMPLE_RATE } from '@odeon/common/time.ts'
import type { Rendition } from '@odeon/common/rendition.ts'
import { findSegment, lastCompleteMsn, wholeParts, type Window } from './window.ts'

/** Delivery directives of a playlist request (rfc8216bis §6.2.5). */
export interface Directives {
  msn?: number
  part?: number
  skip: boolean
}

export type Parsed = { kind: 'directives'; directives: Directives } | { kind: 'bad'; message: string }

/** Names that begin with `_HLS_` are the standard's; those that we don't know are passed over (§6.2.5), as are all others. */
export function parseDirectives(query: URLSearchParams): Parsed {
  const directives: Directives = { skip: false }
  if (query.size === 0) return { kind: 'directives', directives }
  for (const name of ['_HLS_msn', '_HLS_part', '_HLS_skip'] as const) {
    const values = query.getAll(name)
    if (values.length > 1) return bad(`${name} was given ${values.length} times; once is enough.`)
    const value = values[0]
    if (value === undefined) continue
    if (name === '_HLS_skip') {
      directives.skip = value === 'YES' || value === 'v2'
      continue
    }
    const number = /^\d+$/.test(value) ? Number(value) : NaN
    if (!Number.isSafeInteger(number))
      return bad(`${name} must be a whole number from 0 on, not "${value.slice(0, 32)}".`)
    directives[name === '_HLS_msn' ? 'msn' : 'part'] = number
  }
  if (directives.part !== undefined && directives.msn === undefined)
    return bad('_HLS_part says nothing without _HLS_msn.')
  return { kind: 'directives', directives }
}

const bad = (message: string): Parsed => ({ kind: 'bad', message })

/** How far a client may ask ahead, parts: as many as fit into three seconds (§6.2.5.2, for parts of less than one). */
export const advancePartLimit = ({ partSamples }: Rendition): number =>
  Math.floor((3 * SAMPLE_RATE) / partSamples)

export type Decision =
  | { kind: 'now'; skip: boolean }
  | { kind: 'wait' }
  | { kind: 'refuse'; message: string }
  /** It ended before there was anything to list. */
  | { kind: 'nothing' }

/** What to do with a playlist request as things stand (§6.2.5.2); to be asked again whenever the window changes. */
export function decide(window: Window, parsed: Parsed): Decision {
  if (window.ended) return window.segments.length > 0 ? { kind: 'now', skip: false } : { kind: 'nothing' }
  if (parsed.kind === 'bad') return { kind: 'refuse', message: parsed.message }
  const { msn, part, skip } = parsed.directives
  const now: Decision = { kind: 'now', skip }
  const last = lastCompleteMsn(window)
  if (last === undefined) return { kind: 'wait' }
  // A playlist without a segment stops hls.js: whoever asks for no part in particular waits for the first one.
  if (msn === undefined) return window.segments[0]?.complete ? now : { kind: 'wait' }
  if (msn > last + 2)
    return { kind: 'refuse', message: `_HLS_msn ${msn} is too far ahead: the last segment is ${last}.` }
  if (part === undefined) return msn <= last ? now : { kind: 'wait' }
  if (msn < last) return now
  const segment = findSegment(window, msn)
  const parts = segment ? wholeParts(segment) : 0
  if (part > parts - 1 + advancePartLimit(window.rendition))
    return { kind: 'refuse', message: `_HLS_part ${part} is too far ahead: segment ${msn} has ${parts} yet.` }
  return isListed(window, msn, part) ? now : { kind: 'wait' }
}

/** A part beyond the last of its segment stands for part 0 of the next one. */
function isListed(window: Window, msn: number, part: number): boolean {
  if (part >= window.rendition.partsPerSegment) return isListed(window, msn + 1, 0)
  const segment = findSegment(window, msn)
  return segment !== undefined && part < wholeParts(segment)
}
