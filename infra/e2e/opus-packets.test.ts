import { spawn } from 'node:child_process'
import ffmpeg from '@ffmpeg-installer/ffmpeg'
import { expect, test } from 'vitest'
import { openDecoder } from '@odeon/common/opus.ts'
import { opusSamples } from '@odeon/common/opus-packet.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { Receiver } from '@odeon/ingest/receiver.ts'
import { listen, type Arrival } from '@odeon/ingest/testing/network.ts'
import { likeness } from '@odeon/ingest/testing/sounds.ts'
import { decode, speech } from './sound.ts'

/** Speakers send what their programs like: every length and number of channels that RFC 6716 allows is decoded, and mixed down. */

const SECONDS = 5

/** The packets of an Ogg Opus stream (RFC 7845), without its two headers. */
function packetsOf(ogg: Buffer): Uint8Array[] {
  const packets: Uint8Array[] = []
  let open: Uint8Array[] = []
  for (let page = 0; page + 27 <= ogg.length;) {
    const laces = ogg.subarray(page + 27, page + 27 + ogg[page + 26]!)
    let at = page + 27 + laces.length
    for (const lace of laces) {
      open.push(ogg.subarray(at, at + lace))
      at += lace
      if (lace === 255) continue
      packets.push(Uint8Array.from(Buffer.concat(open)))
      open = []
    }
    page = at
  }
  return packets.slice(2)
}

async function encode(ms: number, channels: number): Promise<Uint8Array[]> {
  const words = `-v error -i ${speech('host-en')} -t ${SECONDS} -ar ${SAMPLE_RATE} -ac ${channels} -c:a libopus -b:a 128k`
  const child = spawn(ffmpeg.path, [
    ...words.split(' '),
    '-frame_duration',
    String(ms),
    '-f',
    'ogg',
    'pipe:1',
  ])
  const out: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => out.push(data))
  await new Promise((resolve) => child.on('close', resolve))
  return packetsOf(Buffer.concat(out))
}

test.each(
  [2.5, 5, 10, 20, 40, 60, 80, 100, 120].flatMap((ms) => [1, 2].map((channels) => ({ ms, channels }))),
)('packets of $ms ms with $channels channel(s) are heard as they were said', async ({ ms, channels }) => {
  const payloads = await encode(ms, channels)
  expect(payloads.map(opusSamples)).toEqual(payloads.map(() => ms * 48))
  expect(new Set(payloads.map((payload) => (payload[0]! >> 2) & 1))).toEqual(new Set([channels - 1]))
  const arrivals = payloads.map((payload, n): Arrival => ({
    at: (n + 1) * ms, // When all of it was said.
    packet: { ssrc: 1, sequence: n & 0xffff, timestamp: n * ms * 48, payload },
  }))
  const receiver = new Receiver({ decoder: await openDecoder() })
  const { pcm } = listen(receiver, arrivals, { beats: SECONDS * 50 })
  receiver.close()
  expect(receiver.undecodable).toBe(0)
  expect(likeness(await decode(speech('host-en'), SAMPLE_RATE), pcm)).toBeGreaterThan(0.9)
})
