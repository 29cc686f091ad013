/** Sums of 20 ms frames, Float32. Nothing here can overflow: what is too loud is the limiter's business. */

export function addInto(sum: Float32Array, frame: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += frame[i]!
}

/** The room as one speaker hears it: everyone but himself. `own` is undefined for one who is silent. */
export function mixMinus(all: Float32Array, own: Float32Array | undefined, out: Float32Array): void {
  if (!own) return out.set(all)
  for (let i = 0; i < out.length; i++) out[i] = all[i]! - own[i]!
}

/** Loudness of a frame in dBFS (0 for a full-scale square wave); −100 for silence. */
export function levelOf(frame: Float32Array): number {
  let sum = 0
  for (let i = 0; i < frame.length; i++) sum += frame[i]! * frame[i]! // An iterator would be garbage on every beat.
  return Math.max(-100, 10 * Math.log10(sum / frame.length + 1e-10))
}

/** dBFS as the byte of a `levels` event: −60 dB and below is 0, full scale 255. */
export const levelByte = (db: number): number =>
  Math.max(0, Math.min(255, Math.round(((db + 60) / 60) * 255)))
