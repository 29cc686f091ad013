import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import type { Receiver } from '../receiver.ts'
import type { MediaPacket } from '../rtp.ts'

/** A network in a few numbers, the same on every run: what a sender's packets look like where they arrive. */
export interface Network {
  seed: number
  /** Share of packets lost, 0 … 1. */
  loss?: number
  /** Mean number of packets lost in a row; 1 if left out. */
  burst?: number
  /** Each packet takes up to so much longer, evenly spread: packets overtake one another. */
  jitterMs?: number
  /** Share of packets that come twice. */
  twice?: number
  /** Every so often nothing comes for a while, and then all of it at once. */
  stops?: { everyMs: number; ms: number }
  /** How much faster than ours the sender's clock runs. */
  ppm?: number
}

export interface Arrival {
  /** ms */
  at: number
  packet: MediaPacket
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Packet `n` is sent `n` frames after the first, by the sender's clock; undefined for one that he leaves out (DTX). */
export function send(packets: readonly (MediaPacket | undefined)[], network: Network): Arrival[] {
  const { seed, loss = 0, burst = 1, jitterMs = 0, twice = 0, stops, ppm = 0 } = network
  const random = seeded(seed)
  const arrivals: Arrival[] = []
  let losing = false
  for (const [n, packet] of packets.entries()) {
    // Two states (Gilbert): the chance to begin losing makes `loss` the share of all.
    losing = random() < (losing ? 1 - 1 / burst : burst > 1 ? loss / burst / (1 - loss) : loss)
    let at = (n * FRAME_MS) / (1 + ppm * 1e-6) + random() * jitterMs
    if (stops && at % stops.everyMs < stops.ms && at > stops.everyMs) at += stops.ms - (at % stops.everyMs)
    const again = random() < twice
    if (!packet || losing) continue
    arrivals.push({ at, packet })
    if (again) arrivals.push({ at: at + random() * 5, packet })
  }
  return arrivals.sort((a, b) => a.at - b.at)
}

export interface Heard {
  pcm: Float32Array
  /** Delay over the quickest packet at each beat, ms; NaN in silence. */
  delays: number[]
}

/** Plays `beats` frames; the first beat is `phaseMs` after the first packet was sent. */
export function listen(
  receiver: Receiver,
  arrivals: readonly Arrival[],
  { beats, phaseMs = 7 }: { beats: number; phaseMs?: number },
): Heard {
  const pcm = new Float32Array(beats * FRAME_SAMPLES)
  const delays: number[] = []
  let next = 0
  for (let beat = 0; beat < beats; beat++) {
    const now = phaseMs + beat * FRAME_MS
    for (; arrivals[next] && arrivals[next]!.at <= now; next++)
      receiver.push(arrivals[next]!.packet, arrivals[next]!.at)
    const frame = receiver.pull(now)
    if (frame) pcm.set(frame, beat * FRAME_SAMPLES)
    delays.push(receiver.delayMs ?? NaN)
  }
  return { pcm, delays }
}

/** Packets of 20 ms around payloads; they wrap soon, a receiver must not mind. */
export function packets(
  payloads: readonly (Uint8Array | undefined)[],
  ssrc = 7,
): (MediaPacket | undefined)[] {
  let sequence = 65_500
  return payloads.map(
    (payload, n) =>
      payload && {
        ssrc,
        sequence: sequence++ & 0xffff,
        timestamp: (4_294_900_000 + n * FRAME_SAMPLES) >>> 0,
        payload,
      },
  )
}
