import { AAC } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'

/** The chunks of `bench:audience`: as large as real ones, and with the moment of their writing in them, so that any reader can tell their age. */

export const CHUNK_BYTES = 1000
export const CHUNK_MS = (AAC.chunkSamples * 1000) / SAMPLE_RATE
const MARK = Buffer.from('ODEON-STAMP:')

/** Epoch ms with a fraction, of the clock that all processes of a machine share. */
export const now = (): number => performance.timeOrigin + performance.now()

export function stampedChunk(): Buffer {
  const bytes = Buffer.alloc(CHUNK_BYTES, 7)
  MARK.copy(bytes)
  bytes.writeDoubleBE(now(), MARK.length)
  return bytes
}

/** Ages, ms, of the chunks whose stamps are in these bytes. */
export function ages(bytes: Buffer, into: (ms: number) => void): void {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + CHUNK_BYTES)) {
    if (at + MARK.length + 8 <= bytes.length) into(now() - bytes.readDoubleBE(at + MARK.length))
  }
}
