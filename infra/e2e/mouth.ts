import { openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'

/** A mouth that says a burst of tone every `everyMs`, in real time. */
export interface Mouth {
  /** Epoch ms at which the first sample of each burst was "spoken": 20 ms before its packet could leave. */
  bursts: number[]
  stop(): void
}

const TONE_HZ = 1000

export async function speakBursts(speaker: WhipSpeaker, everyMs: number, burstMs = 100): Promise<Mouth> {
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const silence = new Float32Array(FRAME_SAMPLES)
  const tone = (n: number): Float32Array =>
    Float32Array.from(
      { length: FRAME_SAMPLES },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * TONE_HZ * (n * FRAME_SAMPLES + i)) / SAMPLE_RATE),
    )
  const every = Math.round(everyMs / FRAME_MS)
  const sounding = Math.round(burstMs / FRAME_MS)
  const startedAt = performance.timeOrigin + performance.now()
  const bursts: number[] = []
  let frame = 0
  const timer = setInterval(() => {
    const now = performance.timeOrigin + performance.now()
    for (; startedAt + (frame + 1) * FRAME_MS <= now; frame++) {
      const phase = frame % every
      if (phase === 0) bursts.push(startedAt + frame * FRAME_MS)
      speaker.send(encoder.encode(phase < sounding ? tone(phase) : silence))
    }
  }, 2)
  return {
    bursts,
    stop() {
      clearInterval(timer)
      encoder.close()
    },
  }
}
