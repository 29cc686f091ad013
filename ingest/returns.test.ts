import { afterEach, expect, test } from 'vitest'
import { MIX_ENCODER, openDecoder, openEncoder, type FrameDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { LOOK_AHEAD } from './limiter.ts'
import { addInto } from './mix.ts'
import { Returns, type Listener } from './returns.ts'

const SECOND = 50
const opened: { close(): void }[] = []
afterEach(() => opened.splice(0).forEach((each) => each.close()))

async function open(): Promise<Returns> {
  const returns = await Returns.open()
  opened.push(returns)
  return returns
}

interface Ear extends Listener {
  heard: Uint8Array[]
}
const ear = (): Ear => {
  const heard: Uint8Array[] = []
  return { heard, frame: undefined, own: undefined, send: (opus) => heard.push(opus) }
}

/** Voiced sound with a moving pitch: every frame differs from the one before, and none is silent. */
function voice(pitch: number, loudness: number): (frame: number) => Float32Array {
  let phase = 0
  return (frame) =>
    Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      const at = (frame * FRAME_SAMPLES + i) / 48_000
      phase += (2 * Math.PI * pitch * (1 + 0.1 * Math.sin(2 * Math.PI * 1.3 * at))) / 48_000
      let sum = 0
      for (let n = 1; n <= 20; n++) sum += Math.sin(n * phase) / n
      return loudness * sum * (0.75 + 0.25 * Math.sin(2 * Math.PI * 4 * at))
    })
}

const beat = (returns: Returns, seats: Listener[]): Uint8Array => {
  const all = new Float32Array(FRAME_SAMPLES)
  for (const { frame } of seats) if (frame) addInto(all, frame)
  return returns.beat(all, seats)
}

test('those who contribute nothing get the very packet of the log; one who is heard gets his own', async () => {
  const returns = await open()
  const [ana, ben, eva] = [ear(), ear(), ear()]
  const says = voice(150, 0.2)
  for (let frame = 0; frame < 3; frame++) {
    ana.frame = says(frame)
    const log = beat(returns, [ana, ben, eva])
    expect(ben.heard.at(-1)).toBe(log)
    expect(eva.heard.at(-1)).toBe(log)
    expect(ana.heard.at(-1)).not.toEqual(log)
    expect(ana.heard).toHaveLength(frame + 1)
  }
})

test('nobody hears himself, from the first frame in which he is heard, and everybody hears the others', async () => {
  const returns = await open()
  const [ana, ben] = [ear(), ear()]
  const says = voice(150, 0.2)
  for (let frame = 0; frame < 10; frame++) {
    ana.frame = frame < 5 ? undefined : says(frame)
    beat(returns, [ana, ben])
  }
  expect(Math.max(...(await decoded(ana.heard)).map(Math.abs))).toBeLessThan(0.01)
  expect(Math.max(...(await decoded(ben.heard)).map(Math.abs))).toBeGreaterThan(0.1)
})

test('an own encode is kept for a second, then its listener returns with an independent frame, one a second at most', async () => {
  const returns = await open()
  const [ana, ben] = [ear(), ear()]
  const says = voice(150, 0.2)
  const shared: { ana: number[]; ben: number[] } = { ana: [], ben: [] }
  for (let frame = 0; frame < 4 * SECOND; frame++) {
    ana.frame = frame < 10 ? says(frame) : undefined
    ben.frame = frame < 20 ? says(frame) : undefined // Ready ten frames after Ana's return: he waits for the next one.
    const log = beat(returns, [ana, ben])
    if (ana.heard.at(-1) === log) shared.ana.push(frame)
    if (ben.heard.at(-1) === log) shared.ben.push(frame)
  }
  expect(shared.ana[0]).toBe(10 + SECOND)
  expect(shared.ben[0]).toBe(10 + 2 * SECOND)
  for (const frames of Object.values(shared)) expect(frames).toHaveLength(4 * SECOND - frames[0]!)
})

test('when more mouths open at once than encoders are ready, some hear a frame of silence, never themselves', async () => {
  const returns = await open()
  const ears = Array.from({ length: 12 }, ear)
  const says = voice(150, 0.05)
  const one = says(0)
  ears.forEach((each) => (each.frame = one))
  const log = beat(returns, ears)
  expect(returns.missed).toBeGreaterThan(0)
  expect(ears.every(({ heard }) => heard.length === 1 && heard[0] !== log)).toBe(true)
  for (let frame = 1; ears.some(({ own }) => !own); frame++) {
    await new Promise((resolve) => setImmediate(resolve))
    beat(returns, ears)
  }
  for (const each of ears) returns.release(each)
})

/**
 * A listener's decoder goes through both switches while another voice goes on all the time. What he should hear is that voice alone; the
 * error is looked at in windows of 5 ms, as a share of what the codec's own error is elsewhere.
 */
const EDGES = { talksFrom: 60, talksUntil: 100 } as const

async function errorAtSwitches(
  packets: Uint8Array[],
  voice: Float32Array,
  switches: number[],
): Promise<number[]> {
  const delay = LOOK_AHEAD + 120 // Of the limiter, and of the encoder in low delay.
  const pcm = await decoded(packets)
  const window = 240
  const errors: number[] = []
  for (let at = 0; at + window <= pcm.length - delay; at += window) {
    let sum = 0
    for (let i = at; i < at + window; i++) sum += (pcm[i + delay]! - voice[i]!) ** 2
    errors.push(Math.sqrt(sum / window))
  }
  const near = (index: number): boolean =>
    switches.some((frame) => Math.abs(index * window - frame * FRAME_SAMPLES) < 3 * FRAME_SAMPLES)
  // The first half second is left out: the codec finds its feet.
  const elsewhere = errors.filter((_, index) => index * window > 25 * FRAME_SAMPLES && !near(index))
  const usual = elsewhere.toSorted((a, b) => a - b)[Math.floor(elsewhere.length * 0.99)]!
  return switches.map((frame) => {
    const first = Math.floor((frame * FRAME_SAMPLES) / window)
    return Math.max(...errors.slice(first - 2, first + 12)) / usual
  })
}

async function decoded(packets: Uint8Array[]): Promise<Float32Array> {
  const decoder: FrameDecoder = await openDecoder()
  const pcm = new Float32Array(packets.length * FRAME_SAMPLES)
  packets.forEach((packet, n) => pcm.set(decoder.decode(packet), n * FRAME_SAMPLES))
  decoder.close()
  return pcm
}

async function scene(): Promise<{
  other: Float32Array
  frames: Float32Array[]
  own: (frame: number) => Float32Array
}> {
  const speaks = voice(210, 0.15)
  const frames = Array.from({ length: 4 * SECOND }, (_, frame) => speaks(frame))
  const other = new Float32Array(frames.length * FRAME_SAMPLES)
  frames.forEach((frame, n) => other.set(frame, n * FRAME_SAMPLES))
  return { other, frames, own: voice(120, 0.15) }
}

test('neither switch is heard: the error there is the codec’s own', async () => {
  const returns = await open()
  const { other, frames, own } = await scene()
  const [ana, ben] = [ear(), ear()]
  const switches: number[] = []
  let sharing = true
  frames.forEach((spoken, frame) => {
    ben.frame = spoken
    ana.frame = frame >= EDGES.talksFrom && frame < EDGES.talksUntil ? own(frame) : undefined
    const log = beat(returns, [ana, ben])
    if ((ana.heard.at(-1) === log) !== sharing) {
      sharing = !sharing
      switches.push(frame)
    }
  })
  expect(switches).toEqual([EDGES.talksFrom, EDGES.talksUntil + SECOND])
  const errors = await errorAtSwitches(ana.heard, other, switches)
  for (const error of errors) expect(error).toBeLessThan(1.5)
})

test('the measure would hear it: joined without warming and without an independent frame, the switch is a step', async () => {
  const { other, frames } = await scene()
  const [first, second] = [await openEncoder(MIX_ENCODER), await openEncoder(MIX_ENCODER)]
  const limited = new Float32Array(other.length)
  limited.set(other.subarray(0, other.length - LOOK_AHEAD), LOOK_AHEAD)
  const packets = frames.map((_, n) =>
    (n < 90 ? first : second).encode(limited.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES)),
  )
  first.close()
  second.close()
  const [error] = await errorAtSwitches(packets, other, [90])
  expect(error).toBeGreaterThan(4)
})
