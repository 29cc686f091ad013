import { MIX_ENCODER, openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Limiter } from '@odeon/ingest/limiter.ts'
import { integratedLoudness } from '@odeon/ingest/loudness.ts'
import { VoiceStrip } from '@odeon/ingest/strip.ts'

/** The stage's own steps over whole recordings: what a mixer without them would give, and what comes out with them. 48 kHz mono. */

/** The sum, cut off at full scale as a 16-bit mixer does it. Not cut yet: what is above 1 is what it would clip. */
export function plainSum(voices: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(Math.max(...voices.map(({ length }) => length)))
  for (const voice of voices) voice.forEach((x, n) => (out[n]! += x))
  return out
}

/** Each through a strip of his own, the sum through the limiter. */
export function stageSum(voices: readonly Float32Array[]): Float32Array {
  const strips = voices.map(() => new VoiceStrip())
  const limiter = new Limiter()
  const length = Math.max(...voices.map((voice) => voice.length))
  const out = new Float32Array(length - (length % FRAME_SAMPLES))
  for (let at = 0; at < out.length; at += FRAME_SAMPLES) {
    const sum = out.subarray(at, at + FRAME_SAMPLES)
    for (const [k, voice] of voices.entries()) {
      if (at + FRAME_SAMPLES > voice.length) continue
      strips[k]!.process(voice.slice(at, at + FRAME_SAMPLES))?.forEach((x, i) => (sum[i]! += x))
    }
    limiter.process(sum)
  }
  return out
}

/** As a listener gets it: through the encoder of the log. */
export async function throughMixCodec(pcm: Float32Array): Promise<Float32Array> {
  const encoder = await openEncoder(MIX_ENCODER)
  const decoder = await openDecoder()
  const out = new Float32Array(pcm.length)
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES)
    out.set(decoder.decode(encoder.encode(pcm.subarray(at, at + FRAME_SAMPLES))), at)
  encoder.close()
  decoder.close()
  return out
}

/** The recording at a loudness, LUFS. */
export function atLoudness(pcm: Float32Array, loudness: number): Float32Array {
  const factor = 10 ** ((loudness - integratedLoudness(pcm)) / 20)
  return pcm.map((x) => x * factor)
}

/** Somebody shouts into a microphone that can't take it: as loud as it goes, and cut off at full scale. */
export const shouted = (pcm: Float32Array): Float32Array =>
  atLoudness(pcm, -6).map((x) => Math.max(-1, Math.min(1, x)))
