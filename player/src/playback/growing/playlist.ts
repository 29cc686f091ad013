import {
  AAC_CHUNK_SAMPLES,
  AAC_CHUNKS_PER_SEGMENT,
  SAMPLE_RATE,
  SEGMENT_SAMPLES,
  TARGET_DURATION,
  wallClock,
  type EpochMs,
} from '@odeon/common/time.ts'
import type { GrowingWindow } from './window.ts'

/**
 * The playlist that the player writes for itself. All numbering is a function of the sample clock, so that nothing needs to be asked: the
 * chunks that came in are its parts.
 */

const LISTED = 3
const PARTS_OF = 2
const seconds = (samples: number): string => (samples / SAMPLE_RATE).toFixed(5)

/** Longest chunk, rounded up: no part may exceed it (RFC 8216bis §4.4.4.9). */
const PART_TARGET = Math.ceil((AAC_CHUNK_SAMPLES / SAMPLE_RATE) * 1e5) / 1e5

/** Name of a chunk; the origin does not know it, since its own parts are two chunks long. */
export const chunkName = (msn: number, chunk: number): string => `${msn}-${chunk}.chunk`

/** The place that `chunkName` names. */
export function parseChunkName(url: string): { msn: number; chunk: number } | undefined {
  const found = /\/(\d+)-(\d+)\.chunk$/.exec(url)
  return found ? { msn: Number(found[1]), chunk: Number(found[2]) } : undefined
}

/** The media playlist of what is in the window. `startedAt` is the wall clock of sample 0. Undefined while there is nothing. */
export function writePlaylist(window: GrowingWindow, startedAt: EpochMs): string | undefined {
  const { edge } = window
  if (!edge) return undefined
  const growing = edge.chunk + 1 === AAC_CHUNKS_PER_SEGMENT ? edge.msn + 1 : edge.msn
  const first = Math.max(0, growing - LISTED)
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    `#EXT-X-TARGETDURATION:${TARGET_DURATION}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${(3 * PART_TARGET).toFixed(5)}`,
    `#EXT-X-PART-INF:PART-TARGET=${PART_TARGET}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ]
  for (let msn = first; msn <= growing; msn++) {
    const chunks = window.chunksFrom(msn)
    if (msn === growing && chunks === 0) break
    lines.push(
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(wallClock(startedAt, msn * SEGMENT_SAMPLES)).toISOString()}`,
    )
    const parts = msn > growing - PARTS_OF && (msn === growing || chunks === AAC_CHUNKS_PER_SEGMENT)
    for (let chunk = 0; parts && !window.ended && chunk < chunks; chunk++) {
      const length = seconds(window.chunk(msn, chunk)!.samples)
      lines.push(`#EXT-X-PART:DURATION=${length},URI="${chunkName(msn, chunk)}",INDEPENDENT=YES`)
    }
    if (msn < growing) lines.push(`#EXTINF:${seconds(SEGMENT_SAMPLES)},`, `${msn}.m4s`)
    else if (window.ended) {
      const samples = Array.from({ length: chunks }, (_, chunk) => window.chunk(msn, chunk)!.samples)
      lines.push(`#EXTINF:${seconds(samples.reduce((sum, length) => sum + length, 0))},`, `${msn}.m4s`)
    }
  }
  if (window.ended) lines.push('#EXT-X-ENDLIST')
  return `${lines.join('\n')}\n`
}

/** What tuning in needs of the origin's own playlist. */
export interface TuneIn {
  startedAt: EpochMs
  /** The segment that is growing. */
  growing: number
  /** Parts of it that are listed. */
  parts: number
  ended: boolean
}

/** Reads a media playlist of our origin. Undefined for what is none. */
export function readPlaylist(text: string): TuneIn | undefined {
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1])
  const date = Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(.+)$/m.exec(text)?.[1] ?? '')
  if (!text.startsWith('#EXTM3U') || Number.isNaN(first) || Number.isNaN(date)) return undefined
  const segments = text.match(/^#EXTINF:/gm)?.length ?? 0
  const tail = text.slice(text.lastIndexOf('#EXTINF:'))
  return {
    startedAt: date - (first * SEGMENT_SAMPLES * 1000) / SAMPLE_RATE,
    growing: first + segments,
    parts: tail.match(/^#EXT-X-PART:/gm)?.length ?? 0,
    ended: /^#EXT-X-ENDLIST$/m.test(text),
  }
}
