import { SAMPLE_RATE } from '@odeon/common/time.ts'

/** Noises of rooms for tests and benches, the same in every run. PCM is Float32 mono at 48 kHz. */
export type Noise = (samples: number) => Float32Array

/** −1 … 1, the same row for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 31 - 1
  }
}

export const white: Noise = (samples) => {
  const next = random(3)
  return Float32Array.from({ length: samples }, () => next() + next() + next())
}

/** 3 dB less in every octave, like most rooms (Paul Kellet's filter). */
export const pink: Noise = (samples) => {
  const next = random(5)
  const poles = [0.99886, 0.99332, 0.969, 0.8665, 0.55, -0.7616]
  const gains = [0.0555179, 0.0750759, 0.153852, 0.3104856, 0.5329522, -0.016898]
  const state = new Float64Array(poles.length)
  return Float32Array.from({ length: samples }, () => {
    const x = next()
    let sum = x * 0.5362
    for (let k = 0; k < poles.length; k++) sum += state[k] = poles[k]! * state[k]! + gains[k]! * x
    return sum
  })
}

/** A fan: pink, and it swells and sinks by 3 dB. */
export const fan: Noise = (samples) =>
  pink(samples).map((x, n) => x * (1 + 0.17 * Math.sin((2 * Math.PI * 0.7 * n) / SAMPLE_RATE)))

/** The mains, with its harmonics. */
export const mains: Noise = (samples) =>
  Float32Array.from({ length: samples }, (_, n) =>
    [1, 2, 3, 4, 5, 6, 8].reduce(
      (sum, h) => sum + Math.sin((2 * Math.PI * 50 * h * n) / SAMPLE_RATE + h) / h,
      0,
    ),
  )

/** Somebody types, two to five times a second. */
export const keyboard: Noise = (samples) => {
  const next = random(9)
  const out = new Float32Array(samples)
  for (let at = 4000; at < samples - 1000; at += 9000 + Math.floor(Math.abs(next()) * 9000))
    for (let i = 0; i < 700; i++) out[at + i]! += next() * Math.exp(-i / 120)
  return out
}

/** The noise at a level, dBFS. */
export function atLevel(pcm: Float32Array, level: number): Float32Array {
  const factor = 10 ** (level / 20) / Math.sqrt(pcm.reduce((sum, x) => sum + x * x, 0) / pcm.length)
  return pcm.map((x) => x * factor)
}
