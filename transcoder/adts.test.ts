import { expect, test } from 'vitest'
import { AdtsError, AdtsParser } from './adts.ts'
import { startFfmpeg } from './ffmpeg.ts'

async function realStream(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const ffmpeg = startFfmpeg({ onOutput: (piece) => void pieces.push(piece) })
  await ffmpeg.write(new Float32Array(1024 * 20).fill(0.13))
  ffmpeg.end()
  await ffmpeg.ended
  return Buffer.concat(pieces)
}

test('a stream in pieces of any size gives the same frames, without their headers', async () => {
  const stream = await realStream()
  const whole = new AdtsParser().push(stream)
  expect(whole.length).toBeGreaterThanOrEqual(20)
  expect(whole.reduce((sum, frame) => sum + frame.length + 7, 0)).toBe(stream.length)
  for (const size of [1, 6, 7, 8, 333]) {
    const parser = new AdtsParser()
    const frames: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += size)
      frames.push(...parser.push(stream.subarray(at, at + size)))
    parser.end()
    expect(frames).toEqual(whole)
  }
})

test('damage is an error that says where, since a pipe loses nothing', async () => {
  const stream = await realStream()
  const first = new AdtsParser().push(stream)[0]!.length + 7
  const damaged = Uint8Array.from(stream)
  damaged[first] = 0
  expect(() => new AdtsParser().push(damaged)).toThrow(`ADTS at byte ${first}: no sync word but 00f1`)
  const stereo = Uint8Array.from(stream)
  stereo[3] = (stereo[3]! & 0x3f) | 0x80
  expect(() => new AdtsParser().push(stereo)).toThrow(AdtsError)
})

test('a stream that stops inside a frame says so', async () => {
  const parser = new AdtsParser()
  parser.push((await realStream()).subarray(0, 9))
  expect(() => parser.end()).toThrow('ADTS at byte 0: the stream ended inside a frame, after 9 bytes.')
})
