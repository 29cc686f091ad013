import { expect, test } from 'vitest'
import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Voice } from './voice.ts'

const tone = (frame: number): Float32Array =>
  Float32Array.from(
    { length: FRAME_SAMPLES },
    (_, i) => 0.4 * Math.sin((2 * Math.PI * 500 * (frame * FRAME_SAMPLES + i)) / 48_000),
  )

test('a voice comes out of the packets as it went in, and is seen to talk', async () => {
  const voice = new Voice(await openDecoder(), 'music')
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  let energy = 0
  for (let n = 0; n < 50; n++) {
    voice.push(
      { ssrc: 1, sequence: n, timestamp: n * FRAME_SAMPLES, payload: encoder.encode(tone(n)) },
      n * 20,
    )
    const frame = voice.pull(n * 20)
    if (n >= 25) energy += frame!.reduce((sum, x) => sum + x * x, 0) / FRAME_SAMPLES / 25
  }
  expect(energy).toBeGreaterThan(0.07) // 0.08 is the tone's own.
  expect(energy).toBeLessThan(0.09)
  expect(voice.talking).toBe(true)
  expect(voice.receiver.concealed).toBe(0)
  encoder.close()
  voice.close()
})

test('nobody there is undefined, so that nothing is mixed', async () => {
  const voice = new Voice(await openDecoder())
  expect([voice.pull(), voice.pull()]).toEqual([undefined, undefined])
  expect(voice.talking).toBe(false)
  voice.close()
})

test('bytes that are no Opus packet are silence, counted, and hurt nothing after them', async () => {
  const voice = new Voice(await openDecoder(), 'music')
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  for (let n = 0; n < 60; n++) {
    const good = encoder.encode(tone(n))
    // A code-3 packet whose padding claims more bytes than there are.
    const payload = n >= 10 && n < 20 ? Uint8Array.of(0xfb, 0x41, 0xff, 0xff) : good
    voice.push({ ssrc: 1, sequence: n, timestamp: n * FRAME_SAMPLES, payload }, n * 20)
    voice.pull(n * 20)
  }
  expect(voice.receiver.undecodable).toBeGreaterThan(0)
  expect(voice.level).toBeGreaterThan(-15)
  encoder.close()
  voice.close()
})
