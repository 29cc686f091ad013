import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'

/** A tone that rises from 200 to 3 000 Hz every 1.7 s, its loudness swaying: no stretch of it looks like another. */
export function chirp(frames: number): Float32Array {
  const pcm = new Float32Array(frames * FRAME_SAMPLES)
  let phase = 0
  for (let i = 0; i < pcm.length; i++) {
    const at = i / SAMPLE_RATE
    phase += (2 * Math.PI * (200 + 2800 * ((at / 1.7) % 1))) / SAMPLE_RATE
    pcm[i] = (0.25 + 0.1 * Math.sin(2 * Math.PI * 0.73 * at)) * Math.sin(phase)
  }
  return pcm
}

export const rms = (pcm: Float32Array): number =>
  Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, pcm.length))

/** Error of `heard` against `wanted`, as a part of the loudness of `wanted`. */
export function relativeError(heard: Float32Array, wanted: Float32Array): number {
  return rms(heard.map((sample, i) => sample - wanted[i]!)) / rms(wanted)
}

/** Samples by which `heard` comes after `wanted`, −`range` … `range`, and how alike they are then (1: the same). */
export function alignment(heard: Float32Array, wanted: Float32Array, range = 100) {
  let best = { lag: 0, likeness: -1 }
  for (let lag = -range; lag <= range; lag++) {
    let product = 0
    let a = 0
    let b = 0
    for (let i = range; i < wanted.length - range; i++) {
      const x = heard[i + lag]!
      const y = wanted[i]!
      product += x * y
      a += x * x
      b += y * y
    }
    const likeness = product / Math.sqrt(a * b || 1)
    if (likeness > best.likeness) best = { lag, likeness }
  }
  return best
}
