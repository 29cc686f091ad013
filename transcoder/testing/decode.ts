import { spawn } from 'node:child_process'
import { path as ffmpeg } from '@ffmpeg-installer/ffmpeg'
import { aacInit, opusInit } from '@odeon/common/cmaf-init.ts'

/** What a player decodes from the init segment and some chunks: 48 kHz mono. Rejects when ffmpeg finds anything wrong. */
export const decodeCmaf = (...chunks: Uint8Array[]): Promise<Float32Array> => decode(aacInit(), chunks)
export const decodeOpusCmaf = (...chunks: Uint8Array[]): Promise<Float32Array> => decode(opusInit(), chunks)

async function decode(init: Uint8Array, chunks: Uint8Array[]): Promise<Float32Array> {
  const child = spawn(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'warning', '-xerror', '-i', 'pipe:0'],
    ...['-f', 'f32le', '-ac', '1', '-ar', '48000', 'pipe:1'],
  ])
  const out: Buffer[] = []
  let words = ''
  child.stdout.on('data', (piece: Buffer) => out.push(piece))
  child.stderr.on('data', (piece: Buffer) => (words += piece.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(Buffer.concat([init, ...chunks]))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0 || words) throw new Error(`ffmpeg (${String(code)}): ${words}`)
  const bytes = Buffer.concat(out)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}
