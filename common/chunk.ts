import type { ChunkPosition, EpochMs } from './time.ts'
import type { EntryId } from './ports.ts'

/**
 * An entry of `space:{id}:chunks:aac` or `…:opus`, id `<msn>-<chunk+1>`: one CMAF chunk (`emsg`? `moof` `mdat`) as it goes to the listener. The
 * stored segment is the concatenation of the `bytes` of its chunks.
 */
export interface Chunk {
  /** Codec frames in it: 5 of AAC, 4 of Opus, fewer in the last one; 0 with no bytes when the space ended exactly at a chunk's border. */
  frames: number
  /** Nothing comes after it. */
  last: boolean
  /** Wall clock of the first sample of the space; the same in every chunk, so that a reader needs no other source. */
  startedAt: EpochMs
  bytes: Uint8Array
}

export const chunkId = ({ msn, chunk }: ChunkPosition): EntryId => ({ major: msn, minor: chunk + 1 })
export const chunkPosition = (id: EntryId): ChunkPosition => ({ msn: id.major, chunk: id.minor - 1 })

const HEADER = 10

export function encodeChunk(chunk: Chunk): Uint8Array {
  const body = new Uint8Array(HEADER + chunk.bytes.length)
  const view = new DataView(body.buffer)
  view.setUint8(0, chunk.last ? 1 : 0)
  view.setUint8(1, chunk.frames)
  view.setFloat64(2, chunk.startedAt)
  body.set(chunk.bytes, HEADER)
  return body
}

/** Throws when the bytes are not a chunk. `bytes` is a view into `body`. */
export function decodeChunk(body: Uint8Array): Chunk {
  if (body.length < HEADER || body[0]! > 1)
    throw new Error(`Not a chunk: ${body.length} bytes, flags ${body[0]}.`)
  const view = new DataView(body.buffer, body.byteOffset)
  return {
    last: view.getUint8(0) === 1,
    frames: view.getUint8(1),
    startedAt: view.getFloat64(2),
    bytes: body.subarray(HEADER),
  }
}
