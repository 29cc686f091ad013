import { expect, test } from 'vitest'
import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Receiver, type ReceiverOptions } from './receiver.ts'
import { listen, packets, send, type Heard, type Network } from './testing/network.ts'
import { babble, encodeAll, likeness, plainDecoder, plainPacket, sine } from './testing/sounds.ts'

const SECONDS = 12
const source = babble(SECONDS)
const encoder = await openEncoder({ bitrate: 40_000, complexity: 5, expectedLoss: 10 })
const sent = packets(encodeAll(source, encoder))
encoder.close()

interface Outcome extends Heard {
  receiver: Receiver
  /** ms, half of the time and nearly always, when the network is known. */
  delay: { p50: number; p95: number }
}
async function hear(network: Network, options: Omit<ReceiverOptions, 'decoder'> = {}): Promise<Outcome> {
  const receiver = new Receiver({ decoder: await openDecoder(), ...options })
  const heard = listen(receiver, send(sent, network), { beats: sent.length })
  receiver.close()
  const delays = heard.delays
    .slice(100)
    .filter((ms) => !Number.isNaN(ms))
    .sort((a, b) => a - b)
  return {
    ...heard,
    receiver,
    delay: { p50: delays[delays.length >> 1]!, p95: delays[Math.floor(delays.length * 0.95)]! },
  }
}

const still = await hear({ seed: 1 })
const best = likeness(source, still.pcm) // What the codec leaves.

test('an even network costs one frame of delay and a little, and the sound is as it was sent', () => {
  expect(best).toBeGreaterThan(0.85)
  expect(still.delay.p95).toBeLessThanOrEqual(20 + 7)
  expect(still.receiver.concealed).toBe(0)
})

test('30 ms of jitter cost 30 ms of delay and no sound, though packets overtake one another', async () => {
  const { pcm, delay, receiver } = await hear({ seed: 2, jitterMs: 30 })
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.01)
  expect(delay.p95).toBeLessThanOrEqual(30 + 27)
  expect(receiver.concealed).toBeLessThan(sent.length * 0.02)
})

test('one packet in ten lost: redundancy brings nearly all of it back', async () => {
  const { pcm } = await hear({ seed: 3, loss: 0.1, jitterMs: 30 })
  const without = await hear({ seed: 3, loss: 0.1, jitterMs: 30 }, { fec: false })
  const nothing = await hear({ seed: 3, loss: 0.1, jitterMs: 30 }, { fec: false, concealment: false })
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.02)
  expect(likeness(source, without.pcm)).toBeLessThan(likeness(source, pcm) - 0.03)
  expect(likeness(source, nothing.pcm)).toBeLessThan(likeness(source, without.pcm))
})

test('bursts of four lost in a row cost what they took away, not more', async () => {
  const { pcm, receiver } = await hear({ seed: 4, loss: 0.08, burst: 4, jitterMs: 20 })
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.1)
  expect(receiver.jitter.counts.late).toBe(0)
})

test('a network that stops for 200 ms every five seconds: hardly a word is lost, and the delay comes down again', async () => {
  const { pcm, delay } = await hear({ seed: 5, jitterMs: 10, stops: { everyMs: 5000, ms: 200 } })
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.07)
  expect(delay.p50).toBeLessThan(70)
})

test('packets that come twice, in any order, are heard once', async () => {
  const { pcm, receiver } = await hear({ seed: 6, twice: 0.3, jitterMs: 40 })
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.01)
  expect(receiver.jitter.counts.duplicate).toBeGreaterThan(100)
})

test('silence left out (DTX) is silence: undefined, and nothing is made up for it', async () => {
  const quiet = source.slice()
  for (let second = 1; second < SECONDS; second += 2) quiet.fill(0, second * 48_000, (second + 1) * 48_000)
  const dtx = await openEncoder({ bitrate: 40_000, complexity: 5, expectedLoss: 10, dtx: true })
  const spoken = encodeAll(quiet, dtx)
  dtx.close()
  // As a browser sends it: of the packets that say nothing, one in twenty.
  let pause = 0
  const left = spoken.map((payload) =>
    payload.length > 2 ? ((pause = 0), payload) : pause++ % 20 === 0 ? payload : undefined,
  )
  expect(left.filter((payload) => !payload).length).toBeGreaterThan(100)
  const receiver = new Receiver({ decoder: await openDecoder() })
  const { pcm } = listen(receiver, send(packets(left), { seed: 7, jitterMs: 5 }), { beats: left.length })
  receiver.close()
  expect(receiver.concealed).toBe(0)
  expect(likeness(quiet, pcm)).toBeGreaterThan(best - 0.03)
})

test('another microphone in the middle of a sentence (SSRC, sequence and clock begin anew) goes on within a few frames', async () => {
  const half = sent.length / 2
  const other = packets(
    sent.slice(half).map((packet) => packet!.payload),
    99,
  )
  const arrivals = send([...sent.slice(0, half), ...other], { seed: 8, jitterMs: 10 })
  const receiver = new Receiver({ decoder: await openDecoder() })
  const { pcm } = listen(receiver, arrivals, { beats: sent.length })
  receiver.close()
  expect(likeness(source, pcm)).toBeGreaterThan(best - 0.03)
  expect(receiver.jitter.counts.foreign).toBe(2)
})

/** The largest second difference, against that of the tone itself: a click is many times it. */
function roughness(pcm: Float32Array, hertz: number): number {
  let most = 0
  for (let i = 2; i < pcm.length; i++)
    most = Math.max(most, Math.abs(pcm[i]! - 2 * pcm[i - 1]! + pcm[i - 2]!))
  return most / (0.4 * ((2 * Math.PI * hertz) / 48_000) ** 2)
}

test.each([200, -200])(
  'an hour with a clock that is %i ppm off: no frame is missing, no click is heard, the delay stays',
  (ppm) => {
    const hertz = 437 // Its period fits neither a frame nor a sample; a second of it repeats.
    const second = Array.from({ length: 50 }, (_, n) => plainPacket(sine(n, hertz)))
    const receiver = new Receiver({ decoder: plainDecoder() })
    let [sentFrames, most, longest] = [0, 0, 0]
    const tail = new Float32Array(FRAME_SAMPLES + 2)
    for (let beat = 0; beat < 3600 * 50; beat++) {
      const now = 7 + beat * 20
      for (; (sentFrames * 20) / (1 + ppm * 1e-6) <= now; sentFrames++)
        receiver.push(
          {
            ssrc: 1,
            sequence: sentFrames & 0xffff,
            timestamp: (sentFrames * FRAME_SAMPLES) >>> 0,
            payload: second[sentFrames % 50]!,
          },
          (sentFrames * 20) / (1 + ppm * 1e-6),
        )
      const frame = receiver.pull(now)
      if (beat < 100) continue
      tail.copyWithin(0, FRAME_SAMPLES)
      tail.set(frame!, 2)
      if (beat > 101) most = Math.max(most, roughness(tail, hertz))
      longest = Math.max(longest, receiver.delayMs!)
    }
    expect(receiver.concealed).toBe(0)
    expect(receiver.jitter.counts).toMatchObject({ late: 0, skipped: 0, overflow: 0, lost: 0 })
    expect(receiver.stretched / 48).toBeGreaterThan(650) // 200 ppm of an hour are 720 ms.
    expect(longest).toBeLessThan(60)
    expect(most).toBeLessThan(1.5)
  },
  120_000,
)
