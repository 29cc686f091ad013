import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ffmpeg from '@ffmpeg-installer/ffmpeg'

/** Reading, writing and comparing sound in tests and benches. PCM is Float32 mono in −1 … 1. */

export const speech = (name: string): string =>
  fileURLToPath(new URL(`../audio/${name}.ogg`, import.meta.url))

/** Decodes anything that ffmpeg reads, from a file or from bytes. Rejects with ffmpeg's last words. */
export async function decode(input: string | Uint8Array, rate: number): Promise<Float32Array> {
  const from = typeof input === 'string' ? input : 'pipe:0'
  const child = spawn(ffmpeg.path, [
    '-v',
    'error',
    '-i',
    from,
    '-ac',
    '1',
    '-ar',
    String(rate),
    '-f',
    'f32le',
    'pipe:1',
  ])
  const out: Buffer[] = []
  let words = ''
  child.stdout.on('data', (data: Buffer) => out.push(data))
  child.stderr.on('data', (data: Buffer) => (words += data.toString()))
  child.stdin.on('error', () => {}) // It may end before it has read everything.
  if (typeof input !== 'string') child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`ffmpeg could not decode: ${words}`)
  const bytes = Buffer.concat(out)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)))
}

/** A 16-bit WAV file, as Chromium's fake microphone wants it. */
export function writeWav(file: string, pcm: Float32Array, rate: number): void {
  const data = Buffer.alloc(44 + pcm.length * 2)
  data.write('RIFF', 0)
  data.writeUInt32LE(36 + pcm.length * 2, 4)
  data.write('WAVEfmt ', 8)
  data.writeUInt32LE(16, 16)
  data.writeUInt16LE(1, 20) // PCM
  data.writeUInt16LE(1, 22) // mono
  data.writeUInt32LE(rate, 24)
  data.writeUInt32LE(rate * 2, 28)
  data.writeUInt16LE(2, 32)
  data.writeUInt16LE(16, 34)
  data.write('data', 36)
  data.writeUInt32LE(pcm.length * 2, 40)
  pcm.forEach((sample, n) =>
    data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + n * 2),
  )
  writeFileSync(file, data)
}

/** Iterative radix-2 FFT in place. */
function fft(re: Float64Array, im: Float64Array, inverse: boolean): void {
  const n = re.length
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      ;[re[i], re[j]] = [re[j]!, re[i]!]
      ;[im[i], im[j]] = [im[j]!, im[i]!]
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const angle = ((inverse ? 2 : -2) * Math.PI) / size
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < size / 2; k++) {
        const c = Math.cos(angle * k)
        const s = Math.sin(angle * k)
        const a = start + k
        const b = a + size / 2
        const x = re[b]! * c - im[b]! * s
        const y = re[b]! * s + im[b]! * c
        re[b] = re[a]! - x
        im[b] = im[a]! - y
        re[a] = re[a]! + x
        im[a] = im[a]! + y
      }
    }
  }
}

export interface Match {
  /** Normalised correlation at the best place, −1 … 1. */
  score: number
  /** Where in `recording` the excerpt begins, samples. */
  at: number
}

/** Where `excerpt` is heard in `recording`, and how well: normalised cross-correlation over every place. */
export function find(excerpt: Float32Array, recording: Float32Array): Match {
  let size = 1
  while (size < recording.length + excerpt.length) size *= 2
  const a = { re: new Float64Array(size), im: new Float64Array(size) }
  const b = { re: new Float64Array(size), im: new Float64Array(size) }
  a.re.set(recording)
  b.re.set(excerpt)
  fft(a.re, a.im, false)
  fft(b.re, b.im, false)
  for (let k = 0; k < size; k++) {
    const re = a.re[k]! * b.re[k]! + a.im[k]! * b.im[k]!
    const im = a.im[k]! * b.re[k]! - a.re[k]! * b.im[k]!
    a.re[k] = re
    a.im[k] = im
  }
  fft(a.re, a.im, true)
  const energy = new Float64Array(recording.length + 1)
  recording.forEach((x, n) => (energy[n + 1] = energy[n]! + x * x))
  const own = Math.sqrt(excerpt.reduce((sum, x) => sum + x * x, 0))
  let best: Match = { score: -1, at: 0 }
  for (let at = 0; at + excerpt.length <= recording.length; at++) {
    const there = Math.sqrt(energy[at + excerpt.length]! - energy[at]!)
    if (there < 1e-3) continue
    const score = a.re[at]! / size / (own * there)
    if (score > best.score) best = { score, at }
  }
  return best
}

/** Loudness in windows of `window` samples, dBFS. */
export function envelope(pcm: Float32Array, window: number): number[] {
  return Array.from({ length: Math.floor(pcm.length / window) }, (_, w) => {
    let sum = 0
    for (let i = 0; i < window; i++) sum += pcm[w * window + i]! ** 2
    return 10 * Math.log10(sum / window + 1e-10)
  })
}
