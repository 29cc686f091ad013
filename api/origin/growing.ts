import type { ServerResponse } from 'node:http'
import { abort, isBroken, unsentBytes } from './respond.ts'

/**
 * One reader of a segment that still grows: each chunk is one write, flushed at once, of bytes that all readers share. A reader that
 * leaves more than `maxUnsentBytes` lying is dropped: live audio can't wait, and it can ask again.
 */
export class GrowingReader {
  readonly #response: ServerResponse
  readonly #maxUnsentBytes: number
  readonly #onDrop: () => void

  constructor(options: { response: ServerResponse; maxUnsentBytes: number; onDrop: () => void }) {
    this.#response = options.response
    this.#maxUnsentBytes = options.maxUnsentBytes
    this.#onDrop = options.onDrop
  }

  /** `last`: the segment is complete with it. */
  push(bytes: Uint8Array, last = false): void {
    if (isBroken(this.#response)) return
    if (unsentBytes(this.#response) > this.#maxUnsentBytes) {
      this.#onDrop()
      return this.abort()
    }
    if (last)
      this.#response.end(bytes) // In one write with the end of the answer.
    else this.#response.write(bytes)
  }

  /** It never will be: what was sent must not be taken for the whole. */
  abort(): void {
    abort(this.#response)
  }
}
