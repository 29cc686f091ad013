import { nextChunk, type Rendition } from '@odeon/common/rendition.ts'
import {
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

/** Segments listed before the growing one; the list begins with the first that was read. */
const LISTED = 6
/** Segments whose parts are listed. hls.js goes on with parts only where they reach back further than a segment. */
const PARTS_OF = 4
/** As exact as it gets: hls.js adds the parts up and compares the sum with what is buffered. */
const seconds = (samples: number): string => (samples / SAMPLE_RATE).toFixed(9)

/** What hls.js knows as segment n is our n − 1: it takes a segment 0 for none (1.7.4, fragment-tracker). */
export const NUMBERED_FROM = 1

/** Longest chunk, rounded up: no part may exceed it (RFC 8216bis §4.4.4.9). */
const partTarget = ({ chunkSamples }: Rendition): number =>
  Math.ceil((chunkSamples / SAMPLE_RATE) * 1e6) / 1e6

/** Name of a chunk as a part; the origin does not know it, since its own parts are several chunks long. */
export const partName = ({ msn, chunk }: ChunkPosition): string => `${msn}-${chunk}.chunk`

/** What `partName` names. */
export function parsePartName(url: string): ChunkPosition | undefined {
  const [, msn, chunk] = /\/(\d+)-(\d+)\.chunk$/.exec(url) ?? []
  return chunk === undefined ? undefined : { msn: Number(msn), chunk: Number(chunk) }
}

/** How far behind the edge sound begins, seconds: three parts (RFC 8216bis §4.4.3.8), and more where the network is far, since it may stop more. */
const MOST_DISTANCE = 0.6
const holdBack = (rendition: Rendition, roundTripMs: number): number =>
  3 * partTarget(rendition) + Math.min(MOST_DISTANCE, roundTripMs / 1000)

export interface PlaylistFacts {
  /** The wall clock of sample 0. */
  startedAt: EpochMs
  /** To the origin and back. */
  roundTripMs: number
}

/** The media playlist of what is in the window. Undefined while there is nothing. */
export function writePlaylist(
  window: GrowingWindow,
  { startedAt, roundTripMs }: PlaylistFacts,
): string | undefined {
  const { edge, rendition } = window
  if (!edge) return undefined
  const { chunksPerSegment } = rendition
  const longest = partTarget(rendition)
  const next = nextChunk(rendition, edge)
  const growing = next.msn
  const first = Math.max(window.first!, growing - LISTED)
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    `#EXT-X-TARGETDURATION:${TARGET_DURATION}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${holdBack(rendition, roundTripMs).toFixed(5)}`,
    `#EXT-X-PART-INF:PART-TARGET=${longest}`,
    `#EXT-X-MEDIA-SEQUENCE:${first + NUMBERED_FROM}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ]
  for (let msn = first; msn <= growing; msn++) {
    const chunks = window.chunksFrom(msn)
    if (msn === growing && chunks === 0) break
    lines.push(
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(wallClock(startedAt, msn * SEGMENT_SAMPLES)).toISOString()}`,
    )
    const parts = msn > growing - PARTS_OF && (msn === growing || chunks === chunksPerSegment)
    for (let chunk = 0; parts && !window.ended && chunk < chunks; chunk++) {
      const length = seconds(window.chunk(msn, chunk)!.samples)
      lines.push(`#EXT-X-PART:DURATION=${length},URI="${partName({ msn, chunk })}",INDEPENDENT=YES`)
    }
    if (msn < growing) lines.push(`#EXTINF:${seconds(SEGMENT_SAMPLES)},`, `${msn}.m4s`)
    else if (window.ended) {
      lines.push(`#EXTINF:${seconds(samplesOf(window, msn))},`, `${msn}.m4s`)
    }
  }
  // Without the hint hls.js takes the last whole segment for the one that grows.
  lines.push(window.ended ? '#EXT-X-ENDLIST' : `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partName(next)}"`)
  return `${lines.join('\n')}\n`
}

function samplesOf(window: GrowingWindow, msn: number): number {
  let samples = 0
  for (let chunk = 0; chunk < window.chunksFrom(msn); chunk++) samples += window.chunk(msn, chunk)!.samples
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
