import { TRACK_ID } from '@odeon/common/cmaf-init.ts'
import type { ChunkEvents } from '@odeon/common/events.ts'
import { chunkStart, type Rendition } from '@odeon/common/rendition.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'
import { box, concat, fullBox, u32, u64, zeros } from '@odeon/common/boxes.ts'
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

function moof(sequence: number, start: number, frames: readonly Uint8Array[]): Uint8Array {
  const build = (dataOffset: number) =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, u32(sequence)),
      box(
        'traf',
        fullBox('tfhd', 0, TFHD_DEFAULT_BASE_IS_MOOF, u32(TRACK_ID)),
        fullBox('tfdt', 1, 0, u64(start)),
        fullBox(
          'trun',
          0,
          TRUN_DATA_OFFSET | TRUN_SAMPLE_SIZE,
          u32(frames.length),
          u32(dataOffset),
          ...frames.map((frame) => u32(frame.length)),
        ),
      ),
    )
  // From the first byte of the moof to the first of the mdat's content; the size of the box does not depend on the value.
  return build(build(0).length + 8)
}
