import { AAC, chunkStart } from '@odeon/common/rendition.ts'
import { ChunkSplitter, type CmafChunk } from './chunk-splitter.ts'

/** Chunks as the origin sends them, for tests: `emsg`, `moof`, `mdat`. */

function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const size = 8 + content.reduce((sum, { length }) => sum + length, 0)
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, size)
  bytes.set(new TextEncoder().encode(type), 4)
  let at = 8
  for (const part of content) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const words = (...values: number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4)
  values.forEach((value, n) => new DataView(bytes.buffer).setUint32(n * 4, value))
  return bytes
}

export function testChunk(
  msn: number,
  chunk: number,
  rendition = AAC,
  frames = rendition.framesPerChunk,
): Uint8Array {
  const sample = chunkStart(rendition, { msn, chunk })
  const traf = box(
    'traf',
    box('tfhd', words(0x020000, 1)),
    box('tfdt', words(0x01000000, Math.floor(sample / 2 ** 32), sample % 2 ** 32)),
    box('trun', words(0x000201, frames, 0, ...Array<number>(frames).fill(10))),
  )
  const payload = new Uint8Array(frames * 10).fill(chunk)
  return concat(
    box('emsg', new Uint8Array(20)),
    box('moof', box('mfhd', words(0, 1)), traf),
    box('mdat', payload),
  )
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const testSegment = (msn: number, chunks = 18, rendition = AAC): Uint8Array<ArrayBuffer> =>
  concat(...Array.from({ length: chunks }, (_, chunk) => testChunk(msn, chunk, rendition)))

/** Chunks of a segment as the window takes them: from `from` up to, not including, `to`. */
export const splitChunks = (msn: number, from: number, to: number): CmafChunk[] =>
  new ChunkSplitter(AAC).push(
    concat(...Array.from({ length: to - from }, (_, n) => testChunk(msn, from + n))),
  )
