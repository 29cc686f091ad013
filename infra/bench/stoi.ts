import FFT from 'fft.js'

/**
 * Short-time objective intelligibility: C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An Algorithm for Intelligibility Prediction of
 * Time-Frequency Weighted Noisy Speech", IEEE TASLP 19(7), 2011. How much the course of a processed recording follows that of the clean one,
 * in third-octave bands over 384 ms: 1 for the same, about 0 for something else.
 *
 * `extended`: ESTOI (Jensen and Taal, IEEE/ACM TASLP 24(11), 2016), which also minds how the bands go together: it is stricter.
 */
export function stoi(clean: Float32Array, processed: Float32Array, extended = false): number {
  if (clean.length !== processed.length)
    throw new Error(`The recordings differ in length: ${clean.length} and ${processed.length} samples.`)
  const [x, y] = withoutSilence(clean, processed)
  const a = bands(x)
  const b = bands(y)
  if (a.length < SEGMENT) throw new Error(`Too short: ${a.length} of at least ${SEGMENT} frames of speech.`)
  let sum = 0
  for (let m = SEGMENT; m <= a.length; m++)
    sum += (extended ? correlatedSpectra : correlatedBands)(a.slice(m - SEGMENT, m), b.slice(m - SEGMENT, m))
  return sum / (a.length - SEGMENT + 1)
}

/** The rate of both recordings, Hz. */
export const STOI_RATE = 10_000
const FRAME = 256
const HOP = FRAME / 2
const FFT_SIZE = 512
const BANDS = 15
const LOWEST_BAND = 150
/** 384 ms */
const SEGMENT = 30
/** Frames of the clean speech more than 40 dB below its loudest one are left out of both. */
const RANGE_DB = 40
/** The lower bound of the signal-to-distortion ratio, −15 dB. */
const CLIP = 1 + 10 ** (15 / 20)

/** MATLAB's `hanning`: no zeros at its ends. */
const WINDOW = Float64Array.from(
  { length: FRAME },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 1)) / (FRAME + 1)),
)

type Frames = Float64Array[]

function withoutSilence(clean: Float32Array, processed: Float32Array): [Float64Array, Float64Array] {
  const starts: number[] = []
  for (let at = 0; at + FRAME < clean.length; at += HOP) starts.push(at)
  const levels = starts.map((at) => {
    let sum = 0
    for (let i = 0; i < FRAME; i++) sum += (clean[at + i]! * WINDOW[i]!) ** 2
    return 10 * Math.log10(sum + 1e-20)
  })
  const threshold = Math.max(...levels) - RANGE_DB
  const kept = starts.filter((_, n) => levels[n]! > threshold)
  const overlapped = (pcm: Float32Array): Float64Array => {
    const out = new Float64Array(Math.max(0, kept.length - 1) * HOP + FRAME)
    kept.forEach((at, n) => {
      for (let i = 0; i < FRAME; i++) out[n * HOP + i]! += pcm[at + i]! * WINDOW[i]!
    })
    return out
  }
  return [overlapped(clean), overlapped(processed)]
}

/** First bin and the one after the last of each third of an octave. */
const EDGES = Array.from({ length: BANDS }, (_, k) =>
  [-1, 1].map((side) => Math.round((LOWEST_BAND * 2 ** ((2 * k + side) / 6) * FFT_SIZE) / STOI_RATE)),
)

/** Amplitudes of the bands, frame by frame. */
function bands(pcm: Float64Array): Frames {
  const fft = new FFT(FFT_SIZE)
  const spectrum = fft.createComplexArray() as number[]
  const input = new Array<number>(FFT_SIZE).fill(0)
  const frames: Frames = []
  for (let at = 0; at + FRAME < pcm.length; at += HOP) {
    for (let i = 0; i < FRAME; i++) input[i] = pcm[at + i]! * WINDOW[i]!
    fft.realTransform(spectrum, input)
    frames.push(
      Float64Array.from(EDGES, ([from, to]) => {
        let power = 0
        for (let k = from!; k < to!; k++) power += spectrum[2 * k]! ** 2 + spectrum[2 * k + 1]! ** 2
        return Math.sqrt(power)
      }),
    )
  }
  return frames
}

/** Mean over the bands of the correlation in time; the processed one is scaled and clipped first (equations 3 to 5). */
function correlatedBands(x: Frames, y: Frames): number {
  let sum = 0
  for (let band = 0; band < BANDS; band++) {
    const clean = x.map((frame) => frame[band]!)
    const processed = y.map((frame) => frame[band]!)
    const scale = norm(clean) / (norm(processed) + TINY)
    sum += correlation(
      clean,
      processed.map((value, n) => Math.min(value * scale, clean[n]! * CLIP)),
    )
  }
  return sum / BANDS
}

/** Mean over the frames of the correlation of spectra, each band normalised in time first. */
function correlatedSpectra(x: Frames, y: Frames): number {
  const a = normalisedRows(x)
  const b = normalisedRows(y)
  let sum = 0
  for (let n = 0; n < x.length; n++)
    sum += correlation(
      a.map((row) => row[n]!),
      b.map((row) => row[n]!),
    )
  return sum / x.length
}

const normalisedRows = (frames: Frames): number[][] =>
  Array.from({ length: BANDS }, (_, band) => normalised(frames.map((frame) => frame[band]!)))

const TINY = Number.EPSILON
const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
function normalised(values: readonly number[]): number[] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  const centred = values.map((x) => x - mean)
  const size = norm(centred) + TINY
  return centred.map((x) => x / size)
}
function correlation(a: readonly number[], b: readonly number[]): number {
  const x = normalised(a)
  const y = normalised(b)
  return x.reduce((sum, value, n) => sum + value * y[n]!, 0)
}
