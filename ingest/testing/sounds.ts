import type { FrameDecoder, FrameEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import { seeded } from './network.ts'

/** Sounds whose every sample is known, and how much of them is heard. */

/** Something like speech: syllables of a gliding voice with a few formants, hisses between them, and a breath now and then. */
export function babble(seconds: number, seed = 1): Float32Array {
  const random = seeded(seed)
  const out = new Float32Array(Math.round(seconds * SAMPLE_RATE))
  let at = 0
  while (at < out.length) {
    const voiced = random() < 0.8
    const length = Math.round((0.08 + 0.17 * random()) * SAMPLE_RATE)
    const [from, to] = [100 + 90 * random(), 100 + 90 * random()]
    const formants = [300 + 500 * random(), 900 + 1300 * random(), 2300 + 900 * random()]
    let phase = 0
    for (let i = 0; i < length && at + i < out.length; i++) {
      const pitch = from + ((to - from) * i) / length
      phase += (2 * Math.PI * pitch) / SAMPLE_RATE
      const envelope = Math.sin((Math.PI * i) / length)
      let x = 0
      if (!voiced) x = (random() - 0.5) * 0.15
      else
        for (let k = 1; k * pitch < 4000; k++) {
          const gain = formants.reduce(
            (sum, f, n) => sum + 1 / (n + 1) / (1 + ((k * pitch - f) / 120) ** 2),
            0.01,
          )
          x += 0.25 * gain * Math.sin(k * phase)
        }
      out[at + i] = x * envelope
    }
    at += length + Math.round((random() < 0.15 ? 0.3 : 0.02) * SAMPLE_RATE)
  }
  return out
}

export const sine = (frame: number, hertz = 440): Float32Array =>
  Float32Array.from(
    { length: FRAME_SAMPLES },
    (_, i) =>
      0.4 * Math.sin((2 * Math.PI * ((hertz * (frame * FRAME_SAMPLES + i)) % SAMPLE_RATE)) / SAMPLE_RATE),
  )

/** One packet for each 20 ms. */
export const encodeAll = (pcm: Float32Array, encoder: FrameEncoder): Uint8Array[] =>
  Array.from({ length: Math.floor(pcm.length / FRAME_SAMPLES) }, (_, n) =>
    encoder.encode(pcm.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES)).slice(),
  )

/** Plain samples in the clothes of Opus: one table-of-contents byte of a 20 ms packet, two for DTX and FEC that aren't there, then 960 floats. */
export function plainPacket(pcm: Float32Array): Uint8Array {
  const packet = new Uint8Array(4 + pcm.length * 4)
  packet[0] = 0xf8
  packet.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), 4)
  return packet
}

/** Makes hours pass in a second. What is lost it fills with zeros. */
export const plainDecoder = (): FrameDecoder => ({
  decode: (packet) => new Float32Array(packet.buffer, packet.byteOffset + 4, FRAME_SAMPLES),
  recover: () => new Float32Array(FRAME_SAMPLES),
  conceal: () => new Float32Array(FRAME_SAMPLES),
  close: () => {},
})

/**
 * How much of `source` is found in `heard`, 0 … 1: the mean, weighted by energy, over pieces of 100 ms, of each one's likeness (normalised
 * correlation at 8 kHz) to the place up to `maxDelay` seconds later that is most like it. So stretching is forgiven, and loss is not.
 */
export function likeness(source: Float32Array, heard: Float32Array, maxDelay = 0.35): number {
  const [a, b] = [thin(source), thin(heard)]
  const piece = 800
  const furthest = maxDelay * 8000
  let [sum, weights] = [0, 0]
  for (let from = 0; from + piece + furthest <= Math.min(a.length, b.length); from += piece) {
    const weight = Math.sqrt(energyOf(a, from, piece))
    if (weight < 0.2) continue
    let best = 0
    for (let lag = 0; lag < furthest; lag++) {
      let product = 0
      for (let i = 0; i < piece; i++) product += a[from + i]! * b[from + lag + i]!
      best = Math.max(best, product / Math.sqrt(energyOf(b, from + lag, piece) + 1e-6) / weight)
    }
    sum += best * weight
    weights += weight
  }
  return sum / weights
}

const thin = (pcm: Float32Array): Float32Array =>
  Float32Array.from({ length: Math.floor(pcm.length / 6) }, (_, n) => {
    let sum = 0
    for (let i = 0; i < 6; i++) sum += pcm[n * 6 + i]!
    return sum / 6
  })

function energyOf(pcm: Float32Array, from: number, length: number): number {
  let sum = 0
  for (let i = from; i < from + length; i++) sum += pcm[i]! * pcm[i]!
  return sum
}
