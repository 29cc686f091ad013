import { chunkAt, nextChunk, type Rendition } from '@odeon/common/rendition.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'
import type { CmafChunk } from './chunk-splitter.ts'

/** Segments kept: the listed ones, and a few for a player that seeks back. */
const KEPT_SEGMENTS = 8

/** The chunks that came in, by their place on the sample clock. */
export class GrowingWindow {
  readonly rendition: Rendition
  readonly #segments = new Map<number, (CmafChunk | undefined)[]>()
  /** The newest chunk up to which nothing is missing. */
  #edge: ChunkPosition | undefined
  #waiting = new Set<() => void>()
  /** The segment that was begun with; until it is known, that of the chunk that came first. */
  #first: number | undefined
  ended = false

  constructor(rendition: Rendition) {
    this.rendition = rendition
  }

  get first(): number | undefined {
    return this.#first
  }

  /** Where the sound begins: two segments are asked for at once, and the answers come in any order. */
  begin(msn: number): void {
    this.#first = msn
  }

  /** `false` for one that is there already. Throws for one that lies on no chunk's place. */
  add(chunk: CmafChunk): boolean {
    const { chunkSamples, chunksPerSegment } = this.rendition
    const { msn, chunk: index } = chunkAt(this.rendition, chunk.sample)
    if (chunk.sample % chunkSamples !== 0) throw new Error(`No chunk begins at sample ${chunk.sample}.`)
    let segment = this.#segments.get(msn)
    if (!segment)
      this.#segments.set(msn, (segment = Array<CmafChunk | undefined>(chunksPerSegment).fill(undefined)))
    if (segment[index]) return false
    segment[index] = chunk
    this.#advance({ msn, chunk: index })
    this.#wake()
    return true
  }

  #advance(added: ChunkPosition): void {
    this.#first ??= added.msn
    let edge = this.#edge
    for (;;) {
      const next = edge ? this.#after(edge) : { msn: this.#first, chunk: 0 }
      if (!this.chunk(next.msn, next.chunk)) break
      edge = next
    }
    if (!edge) return
    this.#edge = edge
    for (const msn of this.#segments.keys()) if (msn <= edge.msn - KEPT_SEGMENTS) this.#segments.delete(msn)
  }

  #after(position: ChunkPosition): ChunkPosition {
    return nextChunk(this.rendition, position)
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
    return missing < 0 ? this.rendition.chunksPerSegment : missing
  }

  isComplete(msn: number): boolean {
    return this.chunksFrom(msn) === this.rendition.chunksPerSegment
  }

  /** A whole segment; undefined while it is not. */
  segment(msn: number): Uint8Array<ArrayBuffer> | undefined {
    if (!this.isComplete(msn)) return undefined
    const chunks = this.#segments.get(msn)!.map((chunk) => chunk!.bytes)
    const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const bytes of chunks) {
      whole.set(bytes, at)
      at += bytes.length
    }
    return whole
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
