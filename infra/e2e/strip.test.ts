import { beforeAll, describe, expect, test } from 'vitest'
import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import { integratedLoudness } from '@odeon/ingest/loudness.ts'
import { VoiceStrip } from '@odeon/ingest/strip.ts'
import { atLevel, fan, keyboard, mains, pink, white, type Noise } from './noise.ts'
import { decode, speech } from './sound.ts'

/** What a speaker's sound goes through, with recorded speech in noisy rooms. The truth is the speech without the noise. */

const NAMES = ['host-en', 'guest-en', 'engineer-en', 'invitee-fr', 'reporter-en']
/** Silence before and after, seconds. */
const REST = 3
const voices = new Map<string, Float32Array>()
const loudnesses = new Map<string, number>()
beforeAll(async () => {
  for (const name of NAMES) {
    const pcm = await decode(speech(name), SAMPLE_RATE)
    voices.set(name, pcm)
    loudnesses.set(name, integratedLoudness(pcm))
  }
})

const joined = (...parts: Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
const seconds = (count: number): Float32Array => new Float32Array(count * SAMPLE_RATE)
/** The recording at a loudness, LUFS. */
const at = (name: string, loudness: number): Float32Array => {
  const pcm = voices.get(name)!
  const factor = 10 ** ((loudness - loudnesses.get(name)!) / 20)
  return pcm.map((x) => x * factor)
}
const plus = (a: Float32Array, b: Float32Array): Float32Array => a.map((x, n) => x + b[n]!)
const made = new Map<Noise, Float32Array>()
/** As much of a noise as the longest test needs, made once. */
function some(noise: Noise, samples: number, level: number): Float32Array {
  const all = made.get(noise) ?? atLevel(noise(32 * SAMPLE_RATE), 0)
  made.set(noise, all)
  const factor = 10 ** (level / 20)
  return all.subarray(0, samples).map((x) => x * factor)
}

interface Heard {
  out: Float32Array
  open: boolean[]
  talking: boolean[]
  gains: number[]
}
function run(pcm: Float32Array, strip = new VoiceStrip()): Heard {
  const heard: Heard = { out: new Float32Array(pcm.length), open: [], talking: [], gains: [] }
  for (let n = 0; n + FRAME_SAMPLES <= pcm.length; n += FRAME_SAMPLES) {
    const frame = strip.process(pcm.slice(n, n + FRAME_SAMPLES))
    if (frame) heard.out.set(frame, n)
    heard.open.push(frame !== undefined)
    heard.talking.push(strip.talking)
    heard.gains.push(strip.gain)
  }
  return heard
}

/** Energy of each frame above 100 Hz or so, where a voice is. */
function energies(pcm: Float32Array): number[] {
  return Array.from({ length: Math.floor(pcm.length / FRAME_SAMPLES) }, (_, f) => {
    let sum = 0
    for (let i = f * FRAME_SAMPLES; i < (f + 1) * FRAME_SAMPLES; i++) sum += pcm[i]! ** 2
    return sum
  })
}
/** Frames within `range` dB of the loudest. */
const loudFrames = (energy: number[], range: number): boolean[] => {
  const threshold = Math.max(...energy) * 10 ** (-range / 10)
  return energy.map((e) => e > threshold)
}
/** The frames before which nothing was said for `frames`. */
const onsets = (active: boolean[], frames: number): number[] =>
  active.flatMap((on, f) => (on && f >= frames && !active.slice(f - frames, f).includes(true) ? [f] : []))
const share = (part: number, all: number): number => part / Math.max(all, 1e-30)

describe('the gate', () => {
  const rooms: [string, Noise, number][] = [
    ['a quiet room', pink, 40],
    ['a hiss, 20 dB below the voice', white, 20],
    ['a hiss, 10 dB below', white, 10],
    ['a fan, 20 dB below', fan, 20],
    ['a fan, 10 dB below', fan, 10],
    ['the mains, 10 dB below', mains, 10],
  ]
  test.each(rooms)('in %s: no word is lost, and silence is silent', (_, noise, below) => {
    for (const name of NAMES) {
      for (const loudness of [-18, -45]) {
        const clean = joined(seconds(REST), at(name, loudness), seconds(REST))
        const { open } = run(plus(clean, some(noise, clean.length, loudness - below)))
        const energy = energies(clean)
        const active = loudFrames(energy, 40)
        const all = energy.reduce((sum, e) => sum + e, 0)
        const lost = energy.reduce((sum, e, f) => (open[f] ? sum : sum + e), 0)
        expect(share(lost, all), `${name} at ${loudness} LUFS: speech lost`).toBeLessThan(0.005)
        for (const f of onsets(active, 20)) {
          const first = energy.slice(f, f + 10)
          const cut = first.reduce((sum, e, k) => (open[f + k] ? sum : sum + e), 0)
          expect(
            share(
              cut,
              first.reduce((sum, e) => sum + e, 0),
            ),
            `${name} at ${loudness} LUFS: beginning of a word at ${f}`,
          ).toBeLessThan(0.05)
        }
        // The room is learnt in its first second; 900 ms after a word the gate is closed.
        const silent = open.map((_, f) => f > 50 && !active.slice(Math.max(0, f - 45), f + 3).includes(true))
        const passed = open.filter((on, f) => on && silent[f]).length
        expect(
          share(passed, silent.filter(Boolean).length),
          `${name} at ${loudness} LUFS: silence passed`,
        ).toBeLessThan(0.03)
      }
    }
  })

  test('in a room as loud as a street, 5 dB below the voice, two hundredths of it are lost at most', () => {
    for (const noise of [white, pink]) {
      for (const name of NAMES) {
        const clean = joined(seconds(REST), at(name, -20), seconds(REST))
        const { open } = run(plus(clean, some(noise, clean.length, -25)))
        const energy = energies(clean)
        const lost = energy.reduce((sum, e, f) => (open[f] ? sum : sum + e), 0)
        expect(
          share(
            lost,
            energy.reduce((sum, e) => sum + e, 0),
          ),
          name,
        ).toBeLessThan(0.02)
        expect(open.slice(50, REST * 50 - 5), name).not.toContain(true)
      }
    }
  })

  test('who is in the middle of a sentence when he is connected is heard at once', () => {
    for (const name of NAMES) {
      const clean = at(name, -20).subarray(0.7 * SAMPLE_RATE)
      const { open } = run(plus(clean, some(pink, clean.length, -50)))
      const energy = energies(clean).slice(0, 100)
      const lost = energy.reduce((sum, e, f) => (open[f] ? sum : sum + e), 0)
      expect(
        share(
          lost,
          energy.reduce((sum, e) => sum + e, 0),
        ),
        name,
      ).toBeLessThan(0.01)
    }
  })

  test('it opens and closes without a step: a pause before a word and the fade after it are smooth', () => {
    const tone = Float32Array.from({ length: 4 * SAMPLE_RATE }, (_, n) => {
      const second = n / SAMPLE_RATE
      const loud = second > 1 && second < 2 ? 0.2 : 0.0005
      return (
        (loud *
          [2, 3, 5, 9, 14, 20, 27].reduce(
            (sum, h) => sum + Math.sin((2 * Math.PI * 110 * h * n) / SAMPLE_RATE),
            0,
          )) /
        3
      )
    })
    const { out, open } = run(tone)
    expect(open.slice(50, 100)).not.toContain(false)
    const closed = open.lastIndexOf(true)
    expect(closed).toBeGreaterThan(100 + 30)
    expect(closed).toBeLessThan(100 + 50)
    const end = out.subarray((closed - 4) * FRAME_SAMPLES, (closed + 1) * FRAME_SAMPLES)
    const sizes = Array.from({ length: 5 }, (_, f) =>
      Math.max(...end.subarray(f * FRAME_SAMPLES, (f + 1) * FRAME_SAMPLES).map(Math.abs)),
    )
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
    expect(Math.abs(out[(closed + 1) * FRAME_SAMPLES - 1]!)).toBeLessThan(1e-4)
  })
})

describe('the level', () => {
  test.each(NAMES)('%s comes to −16 LUFS within four seconds, from a murmur and from a shout', (name) => {
    for (const loudness of [-36, -24, -4]) {
      const { out, gains } = run(at(name, loudness))
      expect(
        Math.abs(integratedLoudness(out.subarray(6 * SAMPLE_RATE)) + 16),
        `from ${loudness} LUFS`,
      ).toBeLessThan(2)
      expect(Math.abs(gains[5 * 50]! - (-16 - loudness)), `from ${loudness} LUFS, after 5 s`).toBeLessThan(4)
      for (let f = 50; f < gains.length; f++) {
        expect(gains[f]! - gains[f - 50]!).toBeLessThan(6.01)
        if (f > 10 * 50) expect(Math.abs(gains[f]! - gains[f - 50]!)).toBeLessThan(1.51)
      }
    }
  })

  test('a voice that is at −16 LUFS already is left alone', () => {
    for (const name of NAMES)
      expect(Math.max(...run(at(name, -16)).gains.map(Math.abs)), name).toBeLessThan(1)
  })

  test('silence, noise and a keyboard change nothing: a room is never turned up', () => {
    for (const noise of [white, pink, fan, mains, keyboard]) {
      const strip = new VoiceStrip()
      const { open, talking } = run(some(noise, 10 * SAMPLE_RATE, -45), strip)
      expect(strip.gain).toBe(0)
      expect(talking.slice(50)).not.toContain(true)
      if (noise !== keyboard) expect(open.slice(50)).not.toContain(true)
    }
  })

  test('it is remembered while a speaker is muted', () => {
    const strip = new VoiceStrip()
    const room = (length: number) => atLevel(pink(length), -62)
    const first = at('guest-en', -30)
    run(plus(first, room(first.length)), strip)
    const gain = strip.gain
    expect(gain).toBeGreaterThan(10)
    for (let f = 0; f < 1000; f++) strip.process(undefined)
    expect(strip.process(undefined)).toBeUndefined()
    run(seconds(10), strip) // Browsers send digital silence for a muted track.
    expect(strip.gain).toBe(gain)
    const again = joined(seconds(1), at('guest-en', -30).subarray(0, 3 * SAMPLE_RATE))
    const { out } = run(plus(again, room(again.length)), strip)
    expect(Math.abs(integratedLoudness(out) + 16)).toBeLessThan(2.5)
  })
})

describe('who is talking', () => {
  test.each([
    ['a quiet room', 50],
    ['a noisy one', 15],
  ])('in %s it is seen within 100 ms, without flicker, and never without a word', (_, below) => {
    for (const name of NAMES) {
      const clean = joined(seconds(REST), at(name, -20), seconds(REST))
      const { talking } = run(plus(clean, some(fan, clean.length, -20 - below)))
      const active = loudFrames(energies(clean), 25)
      for (const f of onsets(active, 30))
        expect(talking.slice(f, f + 5), `${name}, word at frame ${f}`).toContain(true)
      const spoken = active.map((_, f) => active.slice(Math.max(0, f - 45), f + 5).includes(true))
      talking.forEach((on, f) => f > 50 && on && expect(spoken[f], `${name}, frame ${f}`).toBe(true))
      const turns = talking.reduce((count, on, f) => count + (on && !talking[f - 1] ? 1 : 0), 0)
      expect(turns, `${name}: as often as there were pauses`).toBeLessThanOrEqual(onsets(active, 30).length)
      for (let f = 1; f < talking.length; f++)
        if (talking[f] && !talking[f - 1]) expect(talking.slice(f, f + 35), name).not.toContain(false)
    }
  })
})
