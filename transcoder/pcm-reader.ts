import type { SpaceEvent } from '@odeon/common/events.ts'
import { openDecoder, type FrameDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { readFrames, type FrameReading } from './frame-reader.ts'

/** The sound of a space as a function of its log. */
export type SpacePiece =
  /** Frame `frame`, 960 samples. Pieces come in order, without a gap. `pcm` is not changed afterwards. */
  | { kind: 'frame'; frame: number; pcm: Float32Array; events: SpaceEvent[] }
  /** `frame` is the first that does not exist. */
  | { kind: 'end'; frame: number; reason: string }

/** Frames decoded before the first one wanted, so that the decoder knows what an older one would know. */
const WARM_UP_FRAMES = 10
const SILENCE = new Float32Array(FRAME_SAMPLES)

/** As `readFrames`, decoded: a frame without a packet is silence. */
export async function* readSpace(reading: FrameReading): AsyncGenerator<SpacePiece> {
  const { from, onDamaged } = reading
  let decoder: FrameDecoder | undefined
  let epoch = -1
  try {
    for await (const piece of readFrames({ ...reading, from: Math.max(0, from - WARM_UP_FRAMES) })) {
      if (piece.kind === 'end') {
        yield { ...piece, frame: Math.max(from, piece.frame) }
        return
      }
      const { kind, frame, opus, events } = piece
      let pcm: Float32Array = SILENCE
      if (opus) {
        if (piece.epoch !== epoch) {
          // Another owner, another encoder: its first packet builds on nothing.
          epoch = piece.epoch
          decoder?.close()
          decoder = await openDecoder()
        }
        try {
          pcm = decoder!.decode(opus)
          if (pcm.length !== FRAME_SAMPLES)
            throw new Error(`Frame ${frame} has ${pcm.length} samples instead of ${FRAME_SAMPLES}.`)
        } catch (error) {
          onDamaged(error)
          pcm = SILENCE
        }
      }
      if (frame >= from) yield { kind, frame, pcm, events }
    }
  } finally {
    decoder?.close()
  }
}
