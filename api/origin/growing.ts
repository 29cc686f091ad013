import type { ServerResponse } from 'node:http'
import { abort, isBroken, unsentBytes } from './respond.ts'

const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Bytes that all readers of a growing segment get, put into the chunked coding of HTTP/1.1 (RFC 9112 §7.1) at most once for all of them. */
export class Shared {
  readonly plain: Uint8Array
  /** The answer is complete with it. */
  readonly last: boolean
  #coded: Buffer | undefined

  constructor(plain: Uint8Array, last = false) {
    this.plain = plain
    this.last = last
  }

  get coded(): Buffer {
    return (this.#coded ??= this.#code())
  }

  #code(): Buffer {
    const { plain, last } = this
    const parts = plain.length > 0 ? [Buffer.from(`${plain.length.toString(16)}\r\n`), plain, CRLF] : []
    return Buffer.concat(last ? [...parts, LAST_CHUNK] : parts)
  }
}
const CRLF = Buffer.from('\r\n')

/**
 * One reader of a segment that still grows: each chunk is one write, flushed at once, of bytes that all readers share. A reader that
 * leaves more than `maxUnsentBytes` lying is dropped: live audio can't wait, and it can ask again.
 */
export class GrowingReader {
  readonly #response: ServerResponse
  readonly #maxUnsentBytes: number
  readonly #onDrop: () => void
  readonly #isCoded: boolean

  /** `response`: its head is written. */
  constructor(options: { response: ServerResponse; maxUnsentBytes: number; onDrop: () => void }) {
    this.#response = options.response
    // Node would code each chunk anew for each reader, in four pieces. HTTP/1.0 and HTTP/2 have no such coding.
    this.#isCoded = options.response.chunkedEncoding === true
    if (this.#isCoded) options.response.chunkedEncoding = false
    this.#maxUnsentBytes = options.maxUnsentBytes
    this.#onDrop = options.onDrop
  }

  push(shared: Shared): void {
    if (isBroken(this.#response)) return
    if (unsentBytes(this.#response) > this.#maxUnsentBytes) {
      this.#onDrop()
      return this.abort()
    }
    const bytes = this.#isCoded ? shared.coded : shared.plain
    if (shared.last)
      this.#response.end(bytes) // In one write with the end of the answer.
    else this.#response.write(bytes)
  }

  /** It never will be: what was sent must not be taken for the whole. */
  abort(): void {
    abort(this.#response)
  }
}
