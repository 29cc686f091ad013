/** True peak by ITU-R BS.1770-4 annex 2: what the waveform reaches between the samples, at four times the rate. */

/** The interpolating filter of annex 2: the phases 0 and 1; 3 and 2 are the same backwards. */
const PHASE_0 = [
  0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625,
  0.97216796875, -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125,
]
const PHASE_1 = [
  -0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625, 0.77978515625,
  -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375,
]
const even = (phase: readonly number[]): number[] =>
  [0, 1, 2, 3, 4, 5].map((k) => (phase[k]! + phase[11 - k]!) / 2)
const odd = (phase: readonly number[]): number[] =>
  [0, 1, 2, 3, 4, 5].map((k) => (phase[k]! - phase[11 - k]!) / 2)
const [E0, E1, E2, E3, E4, E5] = even(PHASE_0) as Six
const [O0, O1, O2, O3, O4, O5] = odd(PHASE_0) as Six
const [F0, F1, F2, F3, F4, F5] = even(PHASE_1) as Six
const [U0, U1, U2, U3, U4, U5] = odd(PHASE_1) as Six
type Six = [number, number, number, number, number, number]

/** Samples that the filter spans. */
export const TAPS = 12
/** Between samples of at most 1 nothing can exceed this. */
export const LARGEST_OVERSHOOT = Math.max(
  ...[PHASE_0, PHASE_1].map((phase) => phase.reduce((sum, tap) => sum + Math.abs(tap), 0)),
)

/**
 * How large each of `sizes.length` samples from `from` on is: between the samples too for one above `loud` and the eleven after it, whose
 * filter spans it. `pcm` has 11 samples before them; what is no finite number becomes 0 in it. `left`: for how many samples after an earlier one
 * that is still to be looked at; answers the same for the next call. One loop, since a number that leaves a function is garbage.
 *
 * Two phases are the others backwards: a pair of them is the sum and the difference of one even and one odd half, and the larger of the two the
 * sum of their sizes.
 */
export function sizesOf(
  pcm: Float32Array,
  from: number,
  loud: number,
  left: number,
  sizes: Float32Array,
): number {
  for (let i = 0; i < sizes.length; i++) {
    const at = from + i
    if (!(Math.abs(pcm[at]!) < Infinity)) pcm[at] = 0
    const a0 = pcm[at]!
    const size = Math.abs(a0)
    sizes[i] = size
    if (size > loud) left = TAPS
    if (left === 0) continue
    left--
    const b0 = pcm[at - 11]!
    const a1 = pcm[at - 1]!
    const b1 = pcm[at - 10]!
    const a2 = pcm[at - 2]!
    const b2 = pcm[at - 9]!
    const a3 = pcm[at - 3]!
    const b3 = pcm[at - 8]!
    const a4 = pcm[at - 4]!
    const b4 = pcm[at - 7]!
    const a5 = pcm[at - 5]!
    const b5 = pcm[at - 6]!
    const outerEven =
      E0 * (a0 + b0) + E1 * (a1 + b1) + E2 * (a2 + b2) + E3 * (a3 + b3) + E4 * (a4 + b4) + E5 * (a5 + b5)
    const outerOdd =
      O0 * (a0 - b0) + O1 * (a1 - b1) + O2 * (a2 - b2) + O3 * (a3 - b3) + O4 * (a4 - b4) + O5 * (a5 - b5)
    const innerEven =
      F0 * (a0 + b0) + F1 * (a1 + b1) + F2 * (a2 + b2) + F3 * (a3 + b3) + F4 * (a4 + b4) + F5 * (a5 + b5)
    const innerOdd =
      U0 * (a0 - b0) + U1 * (a1 - b1) + U2 * (a2 - b2) + U3 * (a3 - b3) + U4 * (a4 - b4) + U5 * (a5 - b5)
    sizes[i] = Math.max(
      size,
      Math.abs(outerEven) + Math.abs(outerOdd),
      Math.abs(innerEven) + Math.abs(innerOdd),
    )
  }
  return left
}

/** True peak of a whole recording, linear. */
export function truePeak(pcm: Float32Array): number {
  const padded = new Float32Array(pcm.length + 2 * TAPS)
  padded.set(pcm, TAPS)
  const sizes = new Float32Array(padded.length - TAPS)
  sizesOf(padded, TAPS, 0, 0, sizes)
  return sizes.reduce((peak, size) => Math.max(peak, size), 0)
}
