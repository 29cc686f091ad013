import { TRACK_ID } from '@odeon/common/cmaf-init.ts'
import type { ChunkEvents } from '@odeon/common/events.ts'
import { chunkStart, type Rendition } from '@odeon/common/rendition.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'
import { box, concat, zeros } from '@odeon/common/boxes.ts'
import { encodeEmsg } from '@odeon/common/emsg.ts'

/**
 * A rendition as CMAF (ISO/IEC 23000-19): chunks of `emsg`? `moof` `mdat`, to be read after the header of `common/cmaf-init.ts`. Plain
 * functions: the same frames at the same position give the same bytes.
 */

export interface ChunkContent {
  rendition: Rendition
  position: ChunkPosition
  /** AAC frames without their ADTS header, or Opus packets: 1 to as many as a chunk holds. */
  frames: readonly Uint8Array[]
  /** Undefined, or without events: no `emsg`. */
  events?: ChunkEvents | undefined
}

/** Counts from 1, and is a function of the position alone. */
export const sequenceNumber = ({ chunksPerSegment }: Rendition, { msn, chunk }: ChunkPosition): number =>
  msn * chunksPerSegment + chunk + 1

/** One CMAF chunk (23000-19 §7.3.2.3), as it goes to the listener. */
export function cmafChunk({ rendition, position, frames, events }: ChunkContent): Uint8Array {
  const start = chunkStart(rendition, position)
  const sequence = sequenceNumber(rendition, position)
  const message =
    events && events.events.length > 0
      ? encodeEmsg({
          presentationTime: start,
          duration: frames.length * rendition.frameSamples,
          id: sequence,
          events,
        })
      : zeros(0)
  return concat(message, moof(sequence, start, frames), box('mdat', ...frames))
}

const TFHD_DEFAULT_BASE_IS_MOOF = 0x020000
const TRUN_DATA_OFFSET = 0x000001
const TRUN_SAMPLE_SIZE = 0x000200

const VERSION_1 = 0x01000000

function moof(sequence: number, start: number, frames: readonly Uint8Array[]): Uint8Array {
  const words = boxOfWords(
    'moof',
    ...boxOfWords('mfhd', 0, sequence),
    ...boxOfWords(
      'traf',
      ...boxOfWords('tfhd', TFHD_DEFAULT_BASE_IS_MOOF, TRACK_ID),
      ...boxOfWords('tfdt', VERSION_1, Math.floor(start / 2 ** 32), start % 2 ** 32),
      ...boxOfWords(
        'trun',
        TRUN_DATA_OFFSET | TRUN_SAMPLE_SIZE,
        frames.length,
        0, // The data offset, see below.
        ...frames.map(({ length }) => length),
      ),
    ),
  )
  // From the first byte of the moof to the first of the mdat's content.
  words[words.length - frames.length - 1] = 4 * words.length + 8
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  words.forEach((word, n) => view.setUint32(4 * n, word))
  return bytes
}

/** A box as numbers of 32 bits, for those that hold nothing else: it is written many times a second, and this is cheap. */
const boxOfWords = (type: string, ...content: number[]): number[] => [
  8 + 4 * content.length,
  [...type].reduce((sum, letter) => sum * 256 + letter.charCodeAt(0), 0),
  ...content,
]
