/**
 * Makes sound a little shorter or longer without changing its pitch: a stretch of one pitch period is faded into the next one, or played once more
 * (WSOLA; the same idea as in WebRTC's NetEQ). Plain functions on mono PCM at 48 kHz.
 */

/** 2.5 to 15 ms: 400 Hz down to 67 Hz. */
export const MIN_LAG = 120
export const MAX_LAG = 720
/** What is compared. */
const WINDOW = 480
/** The search runs on every sixth sample (8 kHz), the refinement on all. */
const COARSE = 6

export interface Match {
  /** Samples after which the sound repeats itself best. */
  lag: number
  /** How well: 1 is a copy. */
  likeness: number
}

/**
 * Finds the lag, `shortest` to `longest` (both may be below 0: back), with which `pcm[from + i]` and `pcm[from + i + lag]` are most alike over
 * 10 ms, or what there is of it.
 */
export function findPeriod(pcm: Float32Array, from: number, shortest: number, longest: number): Match {
  const coarse = search(pcm, from, shortest, longest, COARSE, COARSE)
  return search(
    pcm,
    from,
    Math.max(shortest, coarse.lag - COARSE),
    Math.min(longest, coarse.lag + COARSE),
    1,
    2,
  )
}

function search(
  pcm: Float32Array,
  from: number,
  shortest: number,
  longest: number,
  step: number,
  stride: number,
): Match {
  let best: Match = { lag: shortest, likeness: -1 }
  for (let lag = shortest; lag <= longest; lag += step) {
    const likeness = likenessOf(pcm, from, lag, stride)
    if (likeness > best.likeness) best = { lag, likeness }
  }
  return best
}

/** Normalised cross-correlation. */
function likenessOf(pcm: Float32Array, from: number, lag: number, stride: number): number {
  let product = 0
  let a2 = 1e-9
  let b2 = 1e-9
  const to = Math.min(from + WINDOW, pcm.length - Math.max(0, lag))
  for (let i = from; i < to; i += stride) {
    const a = pcm[i]!
    const b = pcm[i + lag]!
    product += a * b
    a2 += a * a
    b2 += b * b
  }
  return product / Math.sqrt(a2 * b2)
}

/** Takes `lag` samples out of the first `length` of `pcm`, from its beginning; answers the new length. `overlap + lag` ≤ `length`. */
export function shorten(pcm: Float32Array, length: number, lag: number, overlap: number): number {
  for (let i = 0; i < overlap; i++) {
    const fade = (i + 1) / (overlap + 1)
    pcm[i] = pcm[i]! * (1 - fade) + pcm[i + lag]! * fade
  }
  pcm.copyWithin(overlap, overlap + lag, length)
  return length - lag
}

/**
 * Puts `lag` samples before `pcm[from]`, made of what came before and after; answers the new length. `pcm` needs `lag` samples before `from`,
 * `lag` after it, and room.
 */
export function lengthen(pcm: Float32Array, from: number, length: number, lag: number): number {
  pcm.copyWithin(from + lag, from, length) // Leaves pcm[from … from + lag] as it was: the sound that would have followed.
  for (let i = 0; i < lag; i++) {
    const fade = (i + 1) / (lag + 1)
    pcm[from + i] = pcm[from + lag + i]! * (1 - fade) + pcm[from - lag + i]! * fade
  }
  return length + lag
}
