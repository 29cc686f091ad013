/**
 * ADTS (ISO/IEC 14496-3 §1.A.3): the frames that ffmpeg writes to its stdout, each with a header that says how long it is.
 */

export class AdtsError extends Error {
  /** Byte in the stream, counted from its start. */
  readonly offset: number

  constructor(offset: number, message: string) {
    super(`ADTS at byte ${offset}: ${message}`)
    this.name = 'AdtsError'
    this.offset = offset
  }
}

const HEADER = 7
const HEADER_WITH_CRC = 9

/**
 * Takes the stream in pieces of any size and gives whole frames without their headers. Holds at most one frame (8 191 bytes) and the
 * last piece. Our own ffmpeg writes it through a pipe, which loses nothing: a header that is not one is an error, not a reason to search.
 */
export class AdtsParser {
  #rest: Uint8Array = new Uint8Array(0)
  #offset = 0

  /** Raw AAC frames that are whole now, as views into what was pushed. Throws AdtsError. */
  push(piece: Uint8Array): Uint8Array[] {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece
    const frames: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= HEADER) {
      const { header, length } = readHeader(bytes.subarray(at, at + HEADER), this.#offset)
      if (bytes.length - at < length) break
      frames.push(bytes.subarray(at + header, at + length))
      at += length
      this.#offset += length
    }
    this.#rest = bytes.subarray(at)
    return frames
  }

  /** Throws AdtsError when the stream stopped inside a frame. */
  end(): void {
    if (this.#rest.length > 0)
      throw new AdtsError(this.#offset, `the stream ended inside a frame, after ${this.#rest.length} bytes.`)
  }
}

function readHeader(bytes: Uint8Array, offset: number): { header: number; length: number } {
  const fail = (message: string) => new AdtsError(offset, message)
  if (bytes[0] !== 0xff || (bytes[1]! & 0xf6) !== 0xf0)
    throw fail(`no sync word but ${Buffer.from(bytes.subarray(0, 2)).toString('hex')}.`)
  const profile = bytes[2]! >> 6
  const rate = (bytes[2]! >> 2) & 0xf
  const channels = ((bytes[2]! & 1) << 2) | (bytes[3]! >> 6)
  if (profile !== 1 || rate !== 3 || channels !== 1)
    throw fail(`profile ${profile}, rate ${rate}, channels ${channels}; wanted 1 (LC), 3 (48 kHz), 1.`)
  if ((bytes[6]! & 3) !== 0) throw fail('more than one AAC frame in an ADTS frame.')
  const header = bytes[1]! & 1 ? HEADER : HEADER_WITH_CRC
  const length = ((bytes[3]! & 3) << 11) | (bytes[4]! << 3) | (bytes[5]! >> 5)
  if (length <= header) throw fail(`a frame of ${length} bytes.`)
  return { header, length }
}
