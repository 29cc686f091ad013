import { find } from '../e2e/sound.ts'

/**
 * The recording laid over the clean one, piece by piece: a jitter buffer may move the playout by some frames, which nobody minds and a
 * comparison sample by sample would. Each piece of half a second is looked for within `range` samples of where the one before it was.
 */
export function aligned(
  clean: Float32Array,
  recording: Float32Array,
  rate: number,
  range: number,
): Float32Array {
  const piece = Math.round(rate / 2)
  const out = new Float32Array(clean.length)
  const padded = new Float32Array(recording.length + clean.length + 2 * range)
  padded.set(recording, range)
  let lag = 0
  for (let at = 0; at < clean.length; at += piece) {
    const wanted = clean.subarray(at, Math.min(clean.length, at + piece))
    if (energy(wanted) > 1e-3 && wanted.length === piece) {
      const { score, at: found } = find(wanted, padded.subarray(at, at + piece + 2 * range))
      if (score > 0.4) lag = found - range
    }
    out.set(padded.subarray(at + range + lag, at + range + lag + wanted.length), at)
  }
  return out
}

const energy = (pcm: Float32Array): number => pcm.reduce((sum, x) => sum + x * x, 0)
