import type { SpaceEvent, TimedEvent } from '@odeon/common/events.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'

/** Chunks counted from the start of the space. */
const chunkOf = (frame: number): number => Math.floor((frame * FRAME_SAMPLES) / AAC.chunkSamples)

/**
 * The events of log frames that were fed to the encoder and whose chunk is not out yet. A frame belongs to the chunk that holds its first
 * sample. Bounded by what the encoder holds: about a second.
 */
export class EventsByChunk {
  readonly #waiting: TimedEvent[] = []

  add(frame: number, events: readonly SpaceEvent[]): void {
    for (const event of events) this.#waiting.push({ ...event, frame })
  }

  /** Those of the chunk that begins at a sample; those of earlier ones are forgotten. */
  take(start: number): TimedEvent[] {
    const chunk = start / AAC.chunkSamples
    const taken: TimedEvent[] = []
    while (this.#waiting.length > 0 && chunkOf(this.#waiting[0]!.frame) <= chunk) {
      const event = this.#waiting.shift()!
      if (chunkOf(event.frame) === chunk) taken.push(event)
    }
    return taken
  }
}
