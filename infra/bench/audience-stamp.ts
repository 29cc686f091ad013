import type { Rendition } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'

/** The chunks of `bench:audience`: as large as real ones, and with the moment of their writing in them, so that any reader can tell their age. */

/** While somebody talks, boxes and events included (`bench:transcode`). */
const CHUNK_BYTES = { aac: 1700, opus: 970 } as const
export const chunkMs = ({ chunkSamples }: Rendition): number => (chunkSamples * 1000) / SAMPLE_RATE
const MARK = Buffer.from('ODEON-STAMP:')

/** Epoch ms with a fraction, of the clock that all processes of a machine share. */
export const now = (): number => performance.timeOrigin + performance.now()

export function stampedChunk({ name }: Rendition): Buffer {
  const bytes = Buffer.alloc(CHUNK_BYTES[name], 7)
  MARK.copy(bytes)
  bytes.writeDoubleBE(now(), MARK.length)
  return bytes
}

/** Ages, ms, of the chunks whose stamps are in these bytes. */
export function ages(bytes: Buffer, into: (ms: number) => void): void {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) {
    if (at + MARK.length + 8 <= bytes.length) into(now() - bytes.readDoubleBE(at + MARK.length))
  }
}
