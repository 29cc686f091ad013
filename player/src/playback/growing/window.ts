import {
  AAC_CHUNK_SAMPLES,
  AAC_CHUNKS_PER_SEGMENT,
  aacChunkAt,
  nextAacChunk,
  type ChunkPosition,
} from '@odeon/common/time.ts'
import type { CmafChunk } from './chunk-splitter.ts'

/** Segments kept: the listed ones, and a few for a player that seeks back. */
const KEPT_SEGMENTS = 8

/** The chunks that came in, by their place on the sample clock. */
export class GrowingWindow {
  readonly #segments = new Map<number, (CmafChunk | undefined)[]>()
  /** The newest chunk up to which nothing is missing. */
  #edge: ChunkPosition | undefined
  #waiting = new Set<() => void>()
  /** The segment that was begun with. */
  #first: number | undefined
  /** Where the edge was when hls.js saw it first: what came before is handed over as one part. */
  #joined: ChunkPosition | undefined
  ended = false

  get first(): number | undefined {
    return this.#first
  }

  /** `false` for one that is there already. Throws for one that lies on no chunk's place. */
  add(chunk: CmafChunk): boolean {
    const { msn, chunk: index } = aacChunkAt(chunk.sample)
    if (chunk.sample % AAC_CHUNK_SAMPLES !== 0) throw new Error(`No chunk begins at sample ${chunk.sample}.`)
    let segment = this.#segments.get(msn)
    if (!segment)
      this.#segments.set(
        msn,
        (segment = Array<CmafChunk | undefined>(AAC_CHUNKS_PER_SEGMENT).fill(undefined)),
      )
    if (segment[index]) return false
    segment[index] = chunk
    this.#advance({ msn, chunk: index })
    this.#wake()
    return true
  }

  #advance(added: ChunkPosition): void {
    this.#first ??= added.msn
    let edge = this.#edge ?? added
    for (let next = nextAacChunk(edge); this.chunk(next.msn, next.chunk); next = nextAacChunk(edge))
      edge = next
    this.#edge = edge
    for (const msn of this.#segments.keys()) if (msn <= edge.msn - KEPT_SEGMENTS) this.#segments.delete(msn)
  }

  /** Fixes the place of joining; the edge of the first call counts. */
  join(): ChunkPosition | undefined {
    return (this.#joined ??= this.#edge)
  }

  get joined(): ChunkPosition | undefined {
    return this.#joined
  }

  get edge(): ChunkPosition | undefined {
    return this.#edge
  }

  chunk(msn: number, index: number): CmafChunk | undefined {
    return this.#segments.get(msn)?.[index]
  }

  /** How many chunks of a segment are there from its beginning. */
  chunksFrom(msn: number): number {
    const missing = this.#segments.get(msn)?.findIndex((chunk) => !chunk) ?? 0
    return missing < 0 ? AAC_CHUNKS_PER_SEGMENT : missing
  }

  isComplete(msn: number): boolean {
    return this.chunksFrom(msn) === AAC_CHUNKS_PER_SEGMENT
  }

  /** Chunks `from` to `to`, both inclusive, in one piece; undefined while one is missing. */
  bytes(msn: number, from: number, to: number): Uint8Array<ArrayBuffer> | undefined {
    const chunks = this.#segments.get(msn)?.slice(from, to + 1) ?? []
    if (chunks.length === 0 || chunks.some((chunk) => !chunk)) return undefined
    const piece = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk!.bytes.length, 0))
    let at = 0
    for (const chunk of chunks) {
      piece.set(chunk!.bytes, at)
      at += chunk!.bytes.length
    }
    return piece
  }

  end(): void {
    this.ended = true
    this.#wake()
  }

  /** Resolves at the next change, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      if (signal.aborted) return resolve()
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}
