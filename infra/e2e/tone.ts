import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'

/** Speakers who hum one note each: who hears whom is then a matter of frequencies. */

/** Energy of one frequency in PCM, as the amplitude of its sine (Goertzel). */
export function amplitude(pcm: Float32Array, hz: number, rate: number): number {
  const omega = (2 * Math.PI * hz) / rate
  let re = 0
  let im = 0
  pcm.forEach((sample, n) => {
    re += sample * Math.cos(omega * n)
    im += sample * Math.sin(omega * n)
  })
  return (2 * Math.hypot(re, im)) / pcm.length
}

export interface Hum {
  stop(): void
}

/** Hums in real time until stopped. */
export async function hum(speaker: WhipSpeaker, hz: number, loudness = 0.2): Promise<Hum> {
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const startedAt = performance.now()
  let frame = 0
  const timer = setInterval(() => {
    for (; startedAt + frame * FRAME_MS <= performance.now(); frame++) {
      const first = frame * FRAME_SAMPLES
      const pcm = Float32Array.from(
        { length: FRAME_SAMPLES },
        (_, i) => loudness * Math.sin((2 * Math.PI * hz * (first + i)) / SAMPLE_RATE),
      )
      speaker.send(encoder.encode(pcm))
    }
  }, 5)
  let stopped = false
  return {
    stop() {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      encoder.close()
    },
  }
}

/** Keeps what came back over a connection. */
export class Ear {
  #packets: Uint8Array[] = []
  #waiting: { count: number; resolve(): void }[] = []

  readonly onPacket = ({ opus }: { opus: Uint8Array }): void => {
    this.#packets.push(Uint8Array.from(opus))
    for (const waiter of this.#waiting.filter(({ count }) => this.#packets.length >= count)) waiter.resolve()
    this.#waiting = this.#waiting.filter(({ count }) => this.#packets.length < count)
  }

  /** The next second that comes in, decoded. */
  async nextSecond(): Promise<Float32Array> {
    this.#packets = []
    await new Promise<void>((resolve) => this.#waiting.push({ count: 60, resolve }))
    const decoder = await openDecoder()
    const pcm = new Float32Array(50 * FRAME_SAMPLES)
    this.#packets.slice(0, 60).forEach((packet, n) => {
      const frame = decoder.decode(packet)
      if (n >= 10) pcm.set(frame, (n - 10) * FRAME_SAMPLES)
    })
    decoder.close()
    return pcm
  }
}
