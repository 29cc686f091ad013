import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import { Limiter } from '@odeon/ingest/limiter.ts'
import { integratedLoudness } from '@odeon/ingest/loudness.ts'
import { VoiceStrip } from '@odeon/ingest/strip.ts'
import { truePeak } from '@odeon/ingest/true-peak.ts'
import { atLevel, pink } from '../e2e/noise.ts'
import { decode, speech } from '../e2e/sound.ts'
import { aligned } from './align.ts'
import { throughNetwork, type Repair } from './network.ts'
import { resampled } from './pictures.ts'
import { atLoudness, plainSum, shouted, stageSum, throughMixCodec } from './stage-sound.ts'
import { stoi, STOI_RATE } from './stoi.ts'

/**
 * `npm run bench:quality`: what listeners hear of a speaker behind a bad network, by STOI and ESTOI against the clean speech, with the
 * repairs on and off; the level of a whisper, a voice and three shouters before and after the stage; and what the steps cost.
 */

const JITTER_MS = 30
const LOSSES = [0, 0.05, 0.1, 0.2]
const REPAIRS: Repair[] = ['red', 'fec', 'conceal', 'none']
const NAMES = ['host-en', 'guest-en', 'invitee-fr']
const SECONDS = 16

const recordings = new Map<string, Float32Array>()
for (const name of [...NAMES, 'engineer-en'])
  recordings.set(name, (await decode(speech(name), SAMPLE_RATE)).subarray(0, SECONDS * SAMPLE_RATE))
const voice = (name: string): Float32Array => recordings.get(name)!

interface Heard {
  loss: number
  repair: Repair
  stoi: number
  estoi: number
  concealed: number
}

async function losses(): Promise<Heard[]> {
  const heard: Heard[] = []
  for (const loss of LOSSES) {
    for (const repair of REPAIRS) {
      if (loss === 0 && repair !== 'fec') continue // Nothing to repair.
      const scores = { stoi: 0, estoi: 0, concealed: 0 }
      for (const [seed, name] of NAMES.entries()) {
        const clean = atLoudness(voice(name), -20)
        const { pcm, concealed } = await throughNetwork(
          clean,
          { loss, jitterMs: JITTER_MS, seed: 11 + seed },
          repair,
        )
        const limiter = new Limiter()
        for (let at = 0; at < pcm.length; at += FRAME_SAMPLES)
          limiter.process(pcm.subarray(at, at + FRAME_SAMPLES))
        const mix = await resampled(await throughMixCodec(pcm), STOI_RATE)
        const truth = await resampled(clean, STOI_RATE)
        const over = aligned(truth, mix, STOI_RATE, 0.3 * STOI_RATE)
        scores.stoi += stoi(truth, over) / NAMES.length
        scores.estoi += stoi(truth, over, true) / NAMES.length
        scores.concealed += concealed
      }
      heard.push({ loss, repair, ...scores })
    }
  }
  return heard
}

interface Level {
  lufs: number
  /** dBTP */
  truePeak: number
  clipped: number
}
/** Of what comes after the first six seconds, in which a level is found. */
function levelOf(pcm: Float32Array): Level {
  const settled = pcm.subarray(6 * SAMPLE_RATE)
  return {
    lufs: integratedLoudness(settled),
    truePeak: 20 * Math.log10(truePeak(pcm)),
    clipped: pcm.reduce((count, x) => count + (Math.abs(x) >= 1 ? 1 : 0), 0),
  }
}

async function levels(): Promise<{ name: string; before: Level; after: Level; heard: Level }[]> {
  const inRoom = (pcm: Float32Array, level: number): Float32Array => {
    const room = atLevel(pink(pcm.length), level)
    return pcm.map((x, n) => x + room[n]!)
  }
  const cases: [string, Float32Array[]][] = [
    ['a whisper', [inRoom(atLoudness(voice('guest-en'), -40), -65)]],
    ['a voice', [inRoom(atLoudness(voice('host-en'), -23), -60)]],
    ['a voice at −16', [atLoudness(voice('engineer-en'), -16)]],
    ['three shouters', NAMES.map((name) => shouted(voice(name)))],
  ]
  return Promise.all(
    cases.map(async ([name, voices]) => {
      const after = stageSum(voices)
      return {
        name,
        before: levelOf(plainSum(voices)),
        after: levelOf(after),
        heard: levelOf(await throughMixCodec(after)),
      }
    }),
  )
}

/** µs for a frame, the best of some rounds. */
function costs(): Record<string, number> {
  const time = (pcm: Float32Array, work: (frame: Float32Array) => void): number => {
    const frame = new Float32Array(FRAME_SAMPLES)
    let best = Infinity
    for (let round = 0; round < 6; round++) {
      const started = performance.now()
      let frames = 0
      for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES, frames++) {
        frame.set(pcm.subarray(at, at + FRAME_SAMPLES))
        work(frame)
      }
      best = Math.min(best, ((performance.now() - started) / frames) * 1000)
    }
    return best
  }
  const talker = new VoiceStrip()
  const listener = new VoiceStrip()
  const calm = new Limiter()
  const usual = new Limiter()
  const busy = new Limiter()
  return {
    'strip, a voice': time(atLoudness(voice('host-en'), -20), (frame) => talker.process(frame)),
    'strip, a closed gate': time(atLevel(pink(SECONDS * SAMPLE_RATE), -50), (frame) =>
      listener.process(frame),
    ),
    'limiter, calm': time(atLoudness(voice('host-en'), -32), (frame) => calm.process(frame)),
    'limiter, a voice': time(atLoudness(voice('host-en'), -16), (frame) => usual.process(frame)),
    'limiter, three shouters': time(plainSum(NAMES.map((name) => shouted(voice(name)))), (frame) =>
      busy.process(frame),
    ),
  }
}

const cell = (value: string | number, width: number, digits = 1): string =>
  (typeof value === 'number' ? value.toFixed(digits) : value).padStart(width)

async function main(): Promise<void> {
  const heard = await losses()
  console.log(
    `\n  a speaker behind a network with ${JITTER_MS} ms of jitter, as it is heard in the mix (1 is the clean speech)\n`,
  )
  console.log(
    `  ${cell('loss', 5)} ${'repair'.padEnd(24)} ${cell('STOI', 7)} ${cell('ESTOI', 7)} ${cell('frames made up', 16)}`,
  )
  const words = {
    red: 'RED, FEC, concealment',
    fec: 'FEC and concealment',
    conceal: 'concealment alone',
    none: 'none: silence',
  }
  for (const { loss, repair, stoi, estoi, concealed } of heard)
    console.log(
      `  ${cell(`${loss * 100} %`, 5)} ${words[repair].padEnd(24)} ${cell(stoi, 7, 3)} ${cell(estoi, 7, 3)} ${cell(concealed, 16, 0)}`,
    )
  const loud = await levels()
  console.log('\n  the level: summed as it comes, after the stage, and as it is decoded by a listener\n')
  console.log(`  ${''.padEnd(16)} ${cell('', 8)} ${cell('LUFS', 8)} ${cell('dBTP', 8)} ${cell('clipped', 9)}`)
  for (const { name, before, after, heard } of loud)
    for (const [when, level] of Object.entries({ before, after, heard }))
      console.log(
        `  ${(when === 'before' ? name : '').padEnd(16)} ${cell(when, 8)} ${cell(level.lufs, 8)} ${cell(level.truePeak, 8, 2)} ${cell(level.clipped, 9, 0)}`,
      )
  const cost = costs()
  console.log('\n  what it costs, µs for a frame of 20 ms\n')
  for (const [name, us] of Object.entries(cost)) console.log(`  ${name.padEnd(26)} ${cell(us, 7)}`)
  console.log()
  console.log(JSON.stringify({ bench: 'quality', jitterMs: JITTER_MS, heard, levels: loud, costs: cost }))
}

if (process.argv.includes('--pictures')) {
  const folder = fileURLToPath(new URL('../../docs/sound', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const { drawAll } = await import('./pictures.ts')
  await drawAll(folder, voice)
} else await main()
