import type { ChunkEvents } from '@odeon/common/events.ts'
import { findBox, walkBoxes } from '@odeon/common/boxes.ts'
import { decodeEmsg } from '@odeon/common/emsg.ts'

export interface SegmentContent {
  /** AAC frames, as its `trun` boxes count them. */
  frames: number
  /** One for each chunk that has any, in order. */
  events: ChunkEvents[]
}

/** What a stored segment holds, read out of its boxes. Throws when they are damaged. */
export function readSegment(bytes: Uint8Array): SegmentContent {
  const content: SegmentContent = { frames: 0, events: [] }
  for (const { type, body } of walkBoxes(bytes)) {
    if (type === 'moof') {
      const trun = findBox(findBox(body, 'traf').body, 'trun').body
      content.frames += new DataView(trun.buffer, trun.byteOffset, trun.length).getUint32(4)
    } else if (type === 'emsg') {
      const message = decodeEmsg(body)
      if (message) content.events.push(message.events)
    }
  }
  return content
}
