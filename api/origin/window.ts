import type { Chunk } from '@odeon/common/chunk.ts'
import { withoutPosts } from '@odeon/common/removed-posts.ts'
import { nextChunk, type Rendition } from '@odeon/common/rendition.ts'
import {
  SAMPLE_RATE,
  SEGMENT_SAMPLES,
  type ChunkPosition,
  type EpochMs,
  type Samples,
} from '@odeon/common/time.ts'

/** What the origin knows of one rendition of a space: its newest segments, the last of which may still be growing. */
export interface Window {
  readonly rendition: Rendition
  /** Wall clock of the space's first sample; 0 before the first chunk. */
  startedAt: EpochMs
  /** Without a gap, oldest first. Every one but the last is complete. */
  segments: Segment[]
  /** The chunk that comes next; undefined until a segment's first chunk was seen. */
  next: ChunkPosition | undefined
  /** Nothing comes any more. */
  ended: boolean
  /** Grows whenever the playlist has something new to say. */
  version: number
}

export interface Segment {
  readonly rendition: Rendition
  readonly msn: number
  chunks: Uint8Array[]
  /** Codec frames of each chunk. */
  readonly frames: number[]
  complete: boolean
}

/** RFC 8216bis §6.2.2 asks for a playlist of three target durations or more; this is 19.2 s. */
export const LISTED_SEGMENTS = 10
/** 61 s: a removed segment stays for its own duration and that of the longest playlist that listed it (§6.2.2), and longer. */
export const KEPT_SEGMENTS = 32

export const createWindow = (rendition: Rendition): Window => ({
  rendition,
  startedAt: 0,
  segments: [],
  next: undefined,
  ended: false,
  version: 0,
})

/** Why a chunk can't be what it claims to be, or undefined. */
export function chunkFault(
  { chunksPerSegment, framesPerChunk }: Rendition,
  position: ChunkPosition,
  chunk: Chunk,
): string | undefined {
  const { msn, chunk: index } = position
  if (!Number.isSafeInteger(msn) || msn < 0) return `its segment number is ${msn}`
  if (!(index >= 0 && index < chunksPerSegment)) return `a segment has no chunk ${index}`
  if (!Number.isFinite(chunk.startedAt)) return `its space started at ${chunk.startedAt}`
  if (chunk.frames > framesPerChunk || (!chunk.last && chunk.frames !== framesPerChunk))
    return `it holds ${chunk.frames} frames`
  if (chunk.frames > 0 && chunk.bytes.length === 0) return `it has ${chunk.frames} frames and no bytes`
  return undefined
}

/**
 * - `added`: it is in the window.
 * - `early`: a reader that begins in the middle of a segment waits for the next one.
 * - `old`: it was here before, or comes after the end.
 * - `hole`: it does not follow what was there before, which can't happen by contract; the window began anew with it or after it.
 */
export type Added = 'added' | 'early' | 'old' | 'hole'

export function addChunk(window: Window, position: ChunkPosition, chunk: Chunk): Added {
  if (window.ended) return 'old'
  const { next } = window
  if (!next) return begin(window, position, chunk) ? 'added' : 'early'
  const ahead = position.msn - next.msn || position.chunk - next.chunk
  if (ahead < 0) return 'old'
  if (ahead > 0 || chunk.startedAt !== window.startedAt) {
    forget(window)
    begin(window, position, chunk)
    return 'hole'
  }
  append(window, position, chunk)
  return 'added'
}

/** Nothing is known any more; numbers in what follows only grow. */
export function forget(window: Window): void {
  window.segments = []
  window.next = undefined
  window.version++
}

function begin(window: Window, position: ChunkPosition, chunk: Chunk): boolean {
  // The last chunk of all is worth knowing wherever a reader begins: the space is over.
  if (position.chunk > 0 && !chunk.last) return false
  window.startedAt = chunk.startedAt
  if (position.chunk > 0) endAt(window, position)
  else append(window, position, chunk)
  return true
}

function append(window: Window, position: ChunkPosition, chunk: Chunk): void {
  const { rendition } = window
  if (chunk.frames > 0) {
    if (position.chunk === 0)
      window.segments.push({ rendition, msn: position.msn, chunks: [], frames: [], complete: false })
    const segment = window.segments.at(-1)!
    segment.chunks.push(chunk.bytes)
    segment.frames.push(chunk.frames)
    if (segment.chunks.length % rendition.chunksPerPart === 0) {
      joinFrom(segment, segment.chunks.length - rendition.chunksPerPart)
      window.version++
    }
    if (segment.chunks.length === rendition.chunksPerSegment) complete(window, segment)
  }
  if (chunk.last) endAt(window, position)
  else window.next = nextChunk(rendition, position)
}

function endAt(window: Window, position: ChunkPosition): void {
  const newest = window.segments.at(-1)
  if (newest && !newest.complete) complete(window, newest)
  window.next = position
  window.ended = true
  window.version++
}

function complete(window: Window, segment: Segment): void {
  segment.complete = true
  joinFrom(segment, 0)
  window.version++
  const tooMany = window.segments.length - KEPT_SEGMENTS
  if (tooMany > 0) window.segments.splice(0, tooMany)
}

/** Takes the text of removed posts out of what is kept; every length stays as it is. Throws where a chunk is damaged. */
export function forgetPosts(window: Window, ids: ReadonlySet<string>): void {
  for (const segment of window.segments) {
    let changed = false
    for (const [n, bytes] of segment.chunks.entries()) {
      const without = withoutPosts(bytes, ids)
      if (!without) continue
      segment.chunks[n] = without
      changed = true
    }
    if (changed) joinFrom(segment, 0)
  }
}

/** Lays the chunks from `start` on into one buffer and keeps views of it: a part or a segment is then sent without copying. */
function joinFrom(segment: Segment, start: number): void {
  const joined = Buffer.concat(segment.chunks.slice(start))
  let at = 0
  for (let i = start; i < segment.chunks.length; i++) {
    const { length } = segment.chunks[i]!
    segment.chunks[i] = joined.subarray(at, at + length)
    at += length
  }
}

/** The complete segments that the playlist lists. */
export const listedSegments = ({ segments }: Window): Segment[] =>
  segments.filter((segment) => segment.complete).slice(-LISTED_SEGMENTS)

export const growingSegment = ({ segments }: Window): Segment | undefined =>
  segments.at(-1)?.complete === false ? segments.at(-1) : undefined

export const findSegment = ({ segments }: Window, msn: number): Segment | undefined =>
  segments[msn - (segments[0]?.msn ?? 0)]

/** How many parts of it can be sent whole. Only the last one of a space may be short of chunks. */
export function wholeParts({ rendition, chunks, complete }: Segment): number {
  const parts = chunks.length / rendition.chunksPerPart
  return complete ? Math.ceil(parts) : Math.floor(parts)
}

/** The part that the playlist hints at: the first that is not whole. */
export function hintedPart({ rendition, next, ended }: Window): { msn: number; part: number } | undefined {
  if (!next || ended) return undefined
  return { msn: next.msn, part: Math.floor(next.chunk / rendition.chunksPerPart) }
}

/** The newest complete segment's number, one less than the first's before there is any; undefined if nothing is known. */
export function lastCompleteMsn({ segments, next, ended }: Window): number | undefined {
  const newest = segments.at(-1)
  if (newest) return newest.complete ? newest.msn : newest.msn - 1
  return next && !ended ? next.msn - 1 : undefined
}

/** Whole bytes of part `part`; undefined until it is whole. */
export const partBytes = (segment: Segment, part: number): Uint8Array | undefined =>
  part < wholeParts(segment) ? span(ofPart(segment, segment.chunks, part)) : undefined

const ofPart = <T>({ rendition: { chunksPerPart } }: Segment, all: readonly T[], part: number): T[] =>
  all.slice(part * chunksPerPart, (part + 1) * chunksPerPart)

/** Whole bytes of a complete segment. */
export const segmentBytes = (segment: Segment): Uint8Array => span(segment.chunks)

/** Neighbours in one buffer (see joinFrom) as one view. */
function span(chunks: Uint8Array[]): Uint8Array {
  const first = chunks[0]!
  const last = chunks.at(-1)!
  return Buffer.from(first.buffer, first.byteOffset, last.byteOffset + last.length - first.byteOffset)
}

/** Seconds that frames of a rendition last. */
export const secondsOf = ({ frameSamples }: Rendition, frames: number): number =>
  (frames * frameSamples) / SAMPLE_RATE
/** Seconds. */
export const segmentDuration = ({ rendition, frames }: Segment): number => secondsOf(rendition, sum(frames))
/** Seconds. */
export const partDuration = (segment: Segment, part: number): number =>
  secondsOf(segment.rendition, sum(ofPart(segment, segment.frames, part)))
export const segmentStart = (msn: number): number => msn * SEGMENT_SAMPLES

/** Where the last sound that can be sent whole ends: of a part, or of the space. */
export function wholeUntil({ segments, rendition: { frameSamples, partSamples } }: Window): Samples {
  const newest = segments.at(-1)
  if (!newest) return 0
  const { msn, complete, frames } = newest
  return segmentStart(msn) + (complete ? sum(frames) * frameSamples : wholeParts(newest) * partSamples)
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
