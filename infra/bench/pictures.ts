import { spawn } from 'node:child_process'
import { join } from 'node:path'
import ffmpeg from '@ffmpeg-installer/ffmpeg'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { atLevel, fan } from '../e2e/noise.ts'
import { throughNetwork } from './network.ts'
import { atLoudness, plainSum, shouted, stageSum } from './stage-sound.ts'

/** Waveforms and spectrograms of what the stage does, drawn by ffmpeg: `npm run bench:quality -- --pictures`. */

/** Sends PCM (48 kHz mono Float32) through ffmpeg; rejects with its last words. */
async function run(pcm: Float32Array, args: string[]): Promise<Buffer> {
  const child = spawn(ffmpeg.path, [
    '-v',
    'error',
    '-f',
    'f32le',
    '-ar',
    String(SAMPLE_RATE),
    '-ac',
    '1',
    '-i',
    'pipe:0',
    ...args,
  ])
  const out: Buffer[] = []
  let words = ''
  child.stdout.on('data', (data: Buffer) => out.push(data))
  child.stderr.on('data', (data: Buffer) => (words += data.toString()))
  child.stdin.on('error', () => {}) // It may end before it has read everything.
  child.stdin.end(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`ffmpeg: ${words}`)
  return Buffer.concat(out)
}

/** From 48 kHz to another rate. */
export async function resampled(pcm: Float32Array, rate: number): Promise<Float32Array> {
  const bytes = await run(pcm, ['-ar', String(rate), '-f', 'f32le', 'pipe:1'])
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

const waveform = (pcm: Float32Array, file: string): Promise<Buffer> =>
  run(pcm, ['-lavfi', 'showwavespic=s=900x160:colors=#b3541e', '-frames:v', '1', '-y', file])

const spectrogram = (pcm: Float32Array, file: string): Promise<Buffer> =>
  run(pcm, [
    '-ar',
    '16000',
    '-lavfi',
    'aresample=16000,showspectrumpic=s=900x200:legend=0:scale=log:color=intensity',
    '-frames:v',
    '1',
    '-q:v',
    '5',
    '-y',
    file,
  ])

/** Draws every picture of `docs/sound`. `voice` answers a recording. */
export async function drawAll(folder: string, voice: (name: string) => Float32Array): Promise<void> {
  const cut = (pcm: Float32Array, from: number, to: number): Float32Array =>
    pcm.slice(from * SAMPLE_RATE, to * SAMPLE_RATE)
  const whisper = atLoudness(voice('guest-en'), -34)
  await waveform(whisper, join(folder, 'murmur-before.png'))
  await waveform(stageSum([whisper]), join(folder, 'murmur-after.png'))

  const shouters = ['host-en', 'guest-en', 'invitee-fr'].map((name) => shouted(voice(name)))
  const clipped = plainSum(shouters).map((x) => Math.max(-1, Math.min(1, x)))
  await waveform(clipped, join(folder, 'shouters-before.png'))
  await waveform(stageSum(shouters), join(folder, 'shouters-after.png'))

  const talk = new Float32Array(12 * SAMPLE_RATE)
  talk.set(cut(atLoudness(voice('engineer-en'), -18), 0, 3), 2 * SAMPLE_RATE)
  talk.set(cut(atLoudness(voice('engineer-en'), -18), 5, 8), 7 * SAMPLE_RATE)
  const room = atLevel(fan(talk.length), -38)
  const noisy = talk.map((x, n) => x + room[n]!)
  await spectrogram(noisy, join(folder, 'room-before.jpg'))
  await spectrogram(stageSum([noisy]), join(folder, 'room-after.jpg'))

  const clean = cut(atLoudness(voice('host-en'), -18), 1, 7)
  const network = { loss: 0.1, jitterMs: 30, seed: 3 }
  for (const repair of ['none', 'fec'] as const) {
    const { pcm } = await throughNetwork(clean, network, repair)
    await spectrogram(pcm, join(folder, `loss-${repair === 'fec' ? 'after' : 'before'}.jpg`))
  }
}
