import type { Sound } from '@odeon/common/internal.ts'
import type { FrameDecoder } from '@odeon/common/opus.ts'
import { Receiver } from './receiver.ts'
import type { MediaPacket } from './rtp.ts'
import { openStrip, type Strip } from './strip.ts'

/** One speaker's sound: packets in, in any order; on every beat a frame of PCM out, made ready for the mix by his strip. */
export class Voice {
  readonly receiver: Receiver
  readonly #strip: Strip

  /** `gain`: as for `openStrip`. */
  constructor(decoder: FrameDecoder, sound: Sound = 'voice', gain?: number) {
    this.receiver = new Receiver({ decoder })
    this.#strip = openStrip(sound, gain)
  }

  /** Loudness of the last frame as it is mixed, dBFS. */
  get level(): number {
    return this.#strip.level
  }
  get talking(): boolean {
    return this.#strip.talking
  }
  /** As of `Strip`. */
  get gain(): number | undefined {
    return this.#strip.gain
  }

  /** `at`: when it came, ms. */
  push(packet: MediaPacket, at = performance.now()): void {
    this.receiver.push(packet, at)
  }

  /** The next 960 samples for the mix, valid until the next call and not to be changed; undefined while he says nothing. */
  pull(at = performance.now()): Float32Array | undefined {
    return this.#strip.process(this.receiver.pull(at))
  }

  close(): void {
    this.receiver.close()
  }
}
