import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Receiver } from '@odeon/ingest/receiver.ts'
import type { MediaPacket } from '@odeon/ingest/rtp.ts'
import { random } from '../e2e/noise.ts'

/** A speaker behind a bad network, on a simulated clock: as fast as the machine can, and the same in every run. */

export interface Network {
  /** Share of the packets that are lost, 0 … 1, each by itself. */
  loss: number
  /** Every packet comes later by up to this, ms. */
  jitterMs: number
  seed: number
}

/** What is done about a packet that is not there. */
export type Repair = 'red' | 'fec' | 'conceal' | 'none'

export interface Received {
  /** As it would go into the strip. */
  pcm: Float32Array
  /** Frames made up for lost ones, or found again. */
  concealed: number
}

export async function throughNetwork(pcm: Float32Array, network: Network, repair: Repair): Promise<Received> {
  const packets = await packetsOf(pcm, network, repair)
  const receiver = new Receiver({
    decoder: await openDecoder(),
    fec: repair === 'fec' || repair === 'red',
    concealment: repair !== 'none',
  })
  const frames = Math.ceil(pcm.length / FRAME_SAMPLES) + TAIL_FRAMES
  const out = new Float32Array(frames * FRAME_SAMPLES)
  let next = 0
  for (let n = 0; n < frames; n++) {
    const now = n * FRAME_MS + 10
    for (; next < packets.length && packets[next]!.at <= now; next++)
      receiver.push(packets[next]!.packet, packets[next]!.at)
    const frame = receiver.pull(now)
    if (frame) out.set(frame, n * FRAME_SAMPLES)
  }
  const { concealed } = receiver
  receiver.close()
  return { pcm: out, concealed }
}

/** What is still on its way when the last word is said. */
const TAIL_FRAMES = 25
const VOICE = { bitrate: 48_000, complexity: 9 }

/** By arrival. */
async function packetsOf(
  pcm: Float32Array,
  { loss, jitterMs, seed }: Network,
  repair: Repair,
): Promise<{ at: number; packet: MediaPacket }[]> {
  const repairable = repair === 'fec' || repair === 'red'
  const encoder = await openEncoder({ ...VOICE, expectedLoss: repairable ? Math.round(loss * 100) : 0 })
  const next = random(seed)
  const chance = (): number => (next() + 1) / 2
  const packets: { at: number; packet: MediaPacket }[] = []
  let before: Uint8Array | undefined
  for (let n = 0; (n + 1) * FRAME_SAMPLES <= pcm.length; n++) {
    const payload = encoder.encode(pcm.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES))
    const at = (n + 1) * FRAME_MS + chance() * jitterMs
    // As Chromium sends it (RFC 2198): the frame before, once more.
    const redundant = repair === 'red' && before ? [{ offset: FRAME_SAMPLES, payload: before }] : []
    before = payload
    if (chance() >= loss)
      packets.push({
        at,
        packet: { ssrc: 1, sequence: n & 0xffff, timestamp: n * FRAME_SAMPLES, payload, redundant },
      })
  }
  encoder.close()
  return packets.sort((a, b) => a.at - b.at)
}
