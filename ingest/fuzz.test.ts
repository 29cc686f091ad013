import { expect, test } from 'vitest'
import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { takeIn } from './intake.ts'
import { seeded } from './testing/network.ts'
import { babble, encodeAll, sine } from './testing/sounds.ts'
import { Voice } from './voice.ts'

/** More with FUZZ_PACKETS=10000000. */
const PACKETS = Number(process.env['FUZZ_PACKETS'] ?? 100_000)
const TYPES = { opus: 111, red: 63 }

const encoder = await openEncoder({ bitrate: 40_000, complexity: 0, expectedLoss: 10 })
const good = encodeAll(babble(4), encoder)
encoder.close()

/** Valid packets with bytes changed, cut, repeated; and plain noise. */
function mangled(random: () => number): Uint8Array {
  const number = (to: number): number => Math.floor(random() * to)
  const kind = random()
  if (kind < 0.2) return Uint8Array.from({ length: number(random() < 0.1 ? 1400 : 60) }, () => number(256))
  const payload = good[number(good.length)]!.slice(0, kind < 0.4 ? number(100) : undefined)
  for (let n = number(4); n > 0 && payload.length > 0; n--) payload[number(payload.length)] = number(256)
  if (kind > 0.8 && payload.length > 0) payload[0] = number(256) // Any mode, 2.5 to 60 ms, mono or stereo, any number of frames.
  return payload
}

test(`${PACKETS} malformed packets: every beat gets its frame, of finite numbers, and a good voice is heard after them`, async () => {
  const random = seeded(20_26)
  const number = (to: number): number => Math.floor(random() * to)
  const voice = new Voice(await openDecoder())
  let [sequence, timestamp, ssrc, refused, peak] = [0, 0, 1, 0, 0]
  const perBeat = 4
  let at = 0
  for (let n = 0; n < PACKETS; n++) {
    sequence += random() < 0.02 ? number(65_536) : 1
    timestamp += random() < 0.02 ? number(2 ** 32) : FRAME_SAMPLES
    if (random() < 0.005) ssrc = number(2 ** 32)
    const header = {
      ssrc: random() < 0.05 ? number(2 ** 32) : ssrc,
      sequenceNumber: sequence & 0xffff,
      timestamp: timestamp >>> 0,
      payloadType: random() < 0.6 ? 111 : random() < 0.8 ? 63 : number(128),
    }
    const taken = takeIn(header, mangled(random), TYPES)
    if (typeof taken === 'string') refused++
    else voice.push(taken, at)
    if (n % perBeat !== 0) continue
    const frame = voice.pull(at)
    expect(frame?.length ?? FRAME_SAMPLES).toBe(FRAME_SAMPLES)
    for (const x of frame ?? []) peak = Math.max(peak, Number.isFinite(x) ? Math.abs(x) : Infinity)
    at += FRAME_MS
  }
  const { counts } = voice.receiver.jitter
  expect(refused).toBeGreaterThan(0)
  expect(counts.received + refused).toBe(PACKETS)
  expect(Math.min(counts.invalid, counts.foreign, voice.receiver.undecodable)).toBeGreaterThan(0)
  expect(peak).toBeLessThan(20) // Noise may decode to thousands: it must not reach the mix.

  let energy = 0
  const tone = await openEncoder({ bitrate: 48_000, complexity: 5 })
  for (let n = 0; n < 200; n++, at += FRAME_MS) {
    voice.push({ ssrc: 5, sequence: n, timestamp: n * FRAME_SAMPLES, payload: tone.encode(sine(n)) }, at)
    const frame = voice.pull(at)
    if (n >= 150) for (const x of frame ?? []) energy += x * x
  }
  expect(energy / (50 * FRAME_SAMPLES)).toBeGreaterThan(0.01)
  tone.close()
  voice.close()
}, 600_000)
