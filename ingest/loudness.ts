import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { Biquad } from './biquad.ts'

/** Loudness of one channel by ITU-R BS.1770-4, at 48 kHz. Powers are mean squares of the K-weighted signal. */

/** BS.1770-4 annex 1, table 1: the head, as a shelf. */
const SHELF = {
  b0: 1.53512485958697,
  b1: -2.69169618940638,
  b2: 1.19839281085285,
  a1: -1.69065929318241,
  a2: 0.73248077421585,
}
/** Table 2: the revised low-frequency B-curve. */
const LOW_CUT = { b0: 1, b1: -2, b2: 1, a1: -1.99004745483398, a2: 0.99007225036621 }

/** K-weighting, annex 1. */
export class KWeighting {
  readonly #shelf = new Biquad(SHELF)
  readonly #lowCut = new Biquad(LOW_CUT)

  process(input: Float32Array, output: Float32Array): void {
    this.#shelf.process(input, output)
    this.#lowCut.process(output, output)
  }
}

/** A gating block is 400 ms; three quarters of it are shared with the next one (annex 1). */
export const BLOCK_SAMPLES = 0.4 * SAMPLE_RATE
export const STEP_SAMPLES = 0.1 * SAMPLE_RATE
const ABSOLUTE_GATE = powerOf(-70)
const RELATIVE_GATE = 10 ** (-10 / 10)

/** LUFS of a power, annex 1 equation 2. */
export const lufs = (power: number): number => -0.691 + 10 * Math.log10(power)
/** The power of a loudness in LUFS. */
export function powerOf(loudness: number): number {
  return 10 ** ((loudness + 0.691) / 10)
}

/** Mean power of the blocks that pass both gates (annex 1, equations 5 to 7), or 0 when none does. */
export function gatedPower(blocks: ArrayLike<number>, count = blocks.length): number {
  const ungated = meanAbove(blocks, count, ABSOLUTE_GATE)
  return meanAbove(blocks, count, Math.max(ABSOLUTE_GATE, ungated * RELATIVE_GATE))
}

function meanAbove(blocks: ArrayLike<number>, count: number, gate: number): number {
  let sum = 0
  let n = 0
  for (let i = 0; i < count; i++) {
    if (blocks[i]! <= gate) continue
    sum += blocks[i]!
    n++
  }
  return n > 0 ? sum / n : 0
}

/** Integrated loudness of a whole recording, LUFS; −Infinity when it is silent or shorter than 400 ms. */
export function integratedLoudness(pcm: Float32Array): number {
  const weighted = new Float32Array(pcm.length)
  new KWeighting().process(pcm, weighted)
  const blocks: number[] = []
  for (let at = 0; at + BLOCK_SAMPLES <= pcm.length; at += STEP_SAMPLES) {
    let sum = 0
    for (let i = at; i < at + BLOCK_SAMPLES; i++) sum += weighted[i]! * weighted[i]!
    blocks.push(sum / BLOCK_SAMPLES)
  }
  return lufs(gatedPower(blocks))
}
