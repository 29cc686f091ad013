import { expect, test, vi } from 'vitest'
import { openEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import { Room } from '@odeon/ingest/room.ts'
import { atLevel, fan, type Noise } from './noise.ts'
import { decode, speech } from './sound.ts'

/** Who is shown as talking, with real packets through the room of a stage, on a simulated clock. */

/** The jitter buffer's first target, and the codec's own delay, frames. */
const DELAY = 3
const SECONDS = 20

interface Person {
  /** Speech, where there is some, and nothing else. */
  clean: Float32Array
  /** What his microphone hears. */
  heard: Float32Array
}

/** `turns`: from when, what part of the recording, seconds. */
async function person(
  name: string,
  turns: [at: number, from: number, to: number][],
  noise: Noise | undefined,
): Promise<Person> {
  const recording = atLevel(await decode(speech(name), SAMPLE_RATE), -22)
  const clean = new Float32Array(SECONDS * SAMPLE_RATE)
  for (const [at, from, to] of turns)
    clean.set(recording.subarray(from * SAMPLE_RATE, to * SAMPLE_RATE), at * SAMPLE_RATE)
  const room = noise ? atLevel(noise(clean.length), -37) : undefined
  return { clean, heard: room ? clean.map((x, n) => x + room[n]!) : clean }
}

/** Frames within 25 dB of the loudest. */
function spoken({ clean }: Person): boolean[] {
  const energy = Array.from({ length: SECONDS * 50 }, (_, f) => {
    let sum = 0
    for (let i = f * FRAME_SAMPLES; i < (f + 1) * FRAME_SAMPLES; i++) sum += clean[i]! ** 2
    return sum
  })
  const threshold = Math.max(...energy) * 10 ** -2.5
  return energy.map((e) => e > threshold)
}

/** Frame by frame, who is shown and how loud. */
async function show(
  people: Record<string, Person>,
): Promise<{ talking: string[]; levels: Record<string, number> }[]> {
  const room = await Room.open()
  const shown: { talking: string[]; levels: Record<string, number> }[] = []
  const microphones = await Promise.all(
    Object.entries(people).map(async ([id, { heard }]) => {
      const seat = await room.prepare(id, undefined)
      room.seat(seat)
      return { seat, heard, encoder: await openEncoder({ bitrate: 48_000, complexity: 5, expectedLoss: 0 }) }
    }),
  )
  // The jitter buffer measures arrivals: they come every 20 ms, however fast this machine is.
  vi.useFakeTimers({ toFake: ['performance'] })
  for (let n = 0; n < SECONDS * 50; n++) {
    vi.advanceTimersByTime(20)
    for (const { seat, heard, encoder } of microphones) {
      const payload = encoder.encode(heard.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES))
      seat.push({ ssrc: 1, sequence: n, timestamp: n * FRAME_SAMPLES, payload }, performance.now())
    }
    room.beat(() => false)
    shown.push({ talking: [...room.talking], levels: room.levels() })
  }
  vi.useRealTimers()
  for (const { encoder } of microphones) encoder.close()
  room.close()
  return shown
}

test('two talk in turns and at once, one of them in a noisy room: each is shown within 100 ms, and nobody for a noise', async () => {
  const people = {
    ana: await person('host-en', [[2, 1, 6], [12, 8, 13]], undefined), // prettier-ignore
    ben: await person('guest-en', [[4.5, 1, 5], [14, 7, 11]], fan), // prettier-ignore
  }
  const shown = await show(people)
  for (const [id, someone] of Object.entries(people)) {
    const active = spoken(someone)
    const talks = shown.map(({ talking }) => talking.includes(id))
    let changes = 0
    for (let f = 50; f < active.length - 50; f++) {
      const quietBefore = !active.slice(f - 40, f).includes(true)
      if (active[f] && quietBefore)
        expect(talks.slice(f, f + DELAY + 5), `${id} begins at frame ${f}`).toContain(true)
      const silent = !active.slice(Math.max(0, f - 45 - DELAY), f + 3).includes(true)
      if (silent) expect(talks[f], `${id} is silent at frame ${f}`).toBe(false)
      if (talks[f] !== talks[f - 1]) changes++
    }
    expect(changes, `${id} has two turns`).toBe(4)
  }
  const both = shown.filter(({ talking }) => talking.length === 2).length
  expect(both, 'frames in which both talk').toBeGreaterThan(150)
})

test('levels are a byte each, of those who talk, and follow the voice', async () => {
  const shown = await show({ ana: await person('engineer-en', [[2, 0, 10]], fan) })
  for (const { talking, levels } of shown) {
    expect(Object.keys(levels)).toEqual(talking)
    for (const level of Object.values(levels)) {
      expect(Number.isInteger(level)).toBe(true)
      expect(level).toBeGreaterThanOrEqual(0)
      expect(level).toBeLessThanOrEqual(255)
    }
  }
  const later = shown.slice(6 * 50, 11 * 50).flatMap(({ levels }) => levels['ana'] ?? [])
  expect(Math.max(...later)).toBeGreaterThan(170) // −20 dBFS and more.
  expect(Math.min(...later)).toBeLessThan(Math.max(...later) - 20)
})
