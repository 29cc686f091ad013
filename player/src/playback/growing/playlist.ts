import {
  AAC_CHUNK_SAMPLES,
  AAC_CHUNKS_PER_SEGMENT,
  nextAacChunk,
  SAMPLE_RATE,
  SEGMENT_SAMPLES,
  TARGET_DURATION,
  wallClock,
  type ChunkPosition,
  type EpochMs,
} from '@odeon/common/time.ts'
import type { GrowingWindow } from './window.ts'

/**
 * The playlist that the player writes for itself. All numbering is a function of the sample clock, so that nothing needs to be asked: the
 * chunks that came in are its parts.
 */

/**
 * Segments listed before the growing one. The list begins with the first that was read and slides only when it is full: hls.js counts a
 * slide twice while it knows the time of no whole segment.
 */
const LISTED = 6
/** Segments whose parts are listed. hls.js goes on with parts only where they reach back further than a segment. */
const PARTS_OF = 4
const seconds = (samples: number): string => (samples / SAMPLE_RATE).toFixed(5)

/** What hls.js knows as segment n is our n − 1: it takes a segment 0 for none (1.7.4, fragment-tracker). */
export const NUMBERED_FROM = 1

/** Longest chunk, rounded up: no part may exceed it (RFC 8216bis §4.4.4.9). */
const PART_TARGET = Math.ceil((AAC_CHUNK_SAMPLES / SAMPLE_RATE) * 1e5) / 1e5

/** Chunks of a segment that hls.js loads as one part, both inclusive. */
export interface PartRange {
  msn: number
  from: number
  to: number
}

/** Name of a part; the origin does not know it, since its own parts are two chunks long. */
export const partName = ({ msn, from, to }: PartRange): string => `${msn}-${from}-${to}.chunk`

/** What `partName` names. */
export function parsePartName(url: string): PartRange | undefined {
  const [, msn, from, to] = /\/(\d+)-(\d+)-(\d+)\.chunk$/.exec(url) ?? []
  return to === undefined ? undefined : { msn: Number(msn), from: Number(from), to: Number(to) }
}

/**
 * The parts of a segment: its chunks. Only what was there when hls.js joined is one part, since it loses count of the time in a segment that
 * it has not from the beginning; and the segment before is two, since it wants the list of parts to reach back further than a segment.
 */
export function partsOf(window: GrowingWindow, msn: number): PartRange[] {
  const chunks = window.chunksFrom(msn)
  const { joined } = window
  const single = (first: number): PartRange[] =>
    Array.from({ length: Math.max(0, chunks - first) }, (_, n) => ({ msn, from: first + n, to: first + n }))
  if (!joined || msn > joined.msn) return single(0)
  if (msn === joined.msn) return [{ msn, from: 0, to: joined.chunk }, ...single(joined.chunk + 1)]
  return [
    { msn, from: 0, to: 0 },
    { msn, from: 1, to: chunks - 1 },
  ]
}

/** The media playlist of what is in the window. `startedAt` is the wall clock of sample 0. Undefined while there is nothing. */
export function writePlaylist(window: GrowingWindow, startedAt: EpochMs): string | undefined {
  const { edge } = window
  if (!edge) return undefined
  const growing = edge.chunk + 1 === AAC_CHUNKS_PER_SEGMENT ? edge.msn + 1 : edge.msn
  const first = Math.max(window.first!, growing - LISTED)
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    `#EXT-X-TARGETDURATION:${TARGET_DURATION}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${(3 * PART_TARGET).toFixed(5)}`,
    `#EXT-X-PART-INF:PART-TARGET=${PART_TARGET}`,
    `#EXT-X-MEDIA-SEQUENCE:${first + NUMBERED_FROM}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ]
  for (let msn = first; msn <= growing; msn++) {
    const chunks = window.chunksFrom(msn)
    if (msn === growing && chunks === 0) break
    lines.push(
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(wallClock(startedAt, msn * SEGMENT_SAMPLES)).toISOString()}`,
    )
    const parts = msn > growing - PARTS_OF && (msn === growing || chunks === AAC_CHUNKS_PER_SEGMENT)
    for (const part of parts && !window.ended ? partsOf(window, msn) : []) {
      const length = seconds(samplesOf(window, part))
      lines.push(`#EXT-X-PART:DURATION=${length},URI="${partName(part)}",INDEPENDENT=YES`)
    }
    if (msn < growing) lines.push(`#EXTINF:${seconds(SEGMENT_SAMPLES)},`, `${msn}.m4s`)
    else if (window.ended) {
      lines.push(`#EXTINF:${seconds(samplesOf(window, { msn, from: 0, to: chunks - 1 }))},`, `${msn}.m4s`)
    }
  }
  // Without the hint hls.js takes the last whole segment for the one that grows.
  lines.push(
    window.ended ? '#EXT-X-ENDLIST' : `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partName(nextPart(edge))}"`,
  )
  return `${lines.join('\n')}\n`
}

function nextPart(edge: ChunkPosition): PartRange {
  const { msn, chunk } = nextAacChunk(edge)
  return { msn, from: chunk, to: chunk }
}

function samplesOf(window: GrowingWindow, { msn, from, to }: PartRange): number {
  let samples = 0
  for (let chunk = from; chunk <= to; chunk++) samples += window.chunk(msn, chunk)!.samples
  return samples
}

/** What tuning in needs of the origin's own playlist. */
export interface TuneIn {
  startedAt: EpochMs
  /** The segment that is growing. */
  growing: number
  ended: boolean
}

/** Reads a media playlist of our origin. Undefined for what is none. */
export function readPlaylist(text: string): TuneIn | undefined {
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1])
  const date = Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(.+)$/m.exec(text)?.[1] ?? '')
  if (!text.startsWith('#EXTM3U') || Number.isNaN(first) || Number.isNaN(date)) return undefined
  const segments = text.match(/^#EXTINF:/gm)?.length ?? 0
  return {
    startedAt: date - (first * SEGMENT_SAMPLES * 1000) / SAMPLE_RATE,
    growing: first + segments,
    ended: /^#EXT-X-ENDLIST$/m.test(text),
  }
}
