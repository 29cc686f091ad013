import { TRACK_ID } from '@odeon/common/cmaf-init.ts'
import type { ChunkEvents } from '@odeon/common/events.ts'
import { chunkStart, type Rendition } from '@odeon/common/rendition.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'
import { box, concat } from '@odeon/common/boxes.ts'
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
      : new Uint8Array(0)
  return concat(message, moof(sequence, start, frames), box('mdat', ...frames))
}

const TFHD_DEFAULT_BASE_IS_MOOF = 0x020000
const TRUN_DATA_OFFSET = 0x000001
const TRUN_SAMPLE_SIZE = 0x000200

const VERSION_1 = 0x01000000
const [MOOF, MFHD, TRAF, TFHD, TFDT, TRUN] = ['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'trun'].map((type) =>
  Buffer.from(type).readUInt32BE(),
) as [number, number, number, number, number, number]
/** Of a moof without samples: those of `moof` and `traf` hold boxes, the others what is written below. */
const MOOF_BYTES = 8 + 16 + 8 + 16 + 20 + 20

/** It is written many times a second, so straight into its place: all that it holds are numbers of 32 bits. */
function moof(sequence: number, start: number, frames: readonly Uint8Array[]): Uint8Array {
  const size = MOOF_BYTES + 4 * frames.length
  const view = new DataView(new ArrayBuffer(size))
  let at = 0
  const write = (word: number): void => {
    view.setUint32(at, word)
    at += 4
  }
  write(size)
  write(MOOF)

  write(16)
  write(MFHD)
  write(0)
  write(sequence)

  write(size - 24)
  write(TRAF)

  write(16)
  write(TFHD)
  write(TFHD_DEFAULT_BASE_IS_MOOF)
  write(TRACK_ID)

  write(20)
  write(TFDT)
  write(VERSION_1)
  write(Math.floor(start / 2 ** 32))
  write(start % 2 ** 32)

  write(20 + 4 * frames.length)
  write(TRUN)
  write(TRUN_DATA_OFFSET | TRUN_SAMPLE_SIZE)
  write(frames.length)
  write(size + 8) // From the first byte of the moof to the first of the mdat's content.
  for (const { length } of frames) write(length)
  return new Uint8Array(view.buffer)
}
