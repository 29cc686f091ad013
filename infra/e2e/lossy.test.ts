import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDecoder } from '@odeon/common/opus.ts'
import { Biquad, highPass } from '@odeon/ingest/biquad.ts'
import { BELOW_A_VOICE } from '@odeon/ingest/strip.ts'
import { CHROMIUM_HINT, findChromium, launchSpeaker, rawMicrophone } from './chromium.ts'
import { goOnStage, newSpeaker, openSpace } from './client.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode, find, speech, writeWav } from './sound.ts'
import { readdressed, startUdpRelay, withoutCandidates, type UdpRelay } from './udp-relay.ts'

/** A real browser speaks through a network that loses one packet in ten and delays each by up to 30 ms; another speaker hears it. */

const RATE = 48_000
const LOOP_SECONDS = 5
/** What is looked for one by one: short, since the sound is stretched a little as the delay follows the network. */
const PIECE_SECONDS = 0.25
const WARM_UP_SECONDS = 8

const testid = (id: string): string => `[data-testid="${id}"]`

describe.skipIf(!findChromium())(`a bad network${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let browser: Browser
  let folder: string
  let said: Float32Array

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-lossy-'))
    said = (await decode(speech('engineer-en'), RATE)).subarray(RATE / 2, (LOOP_SECONDS + 0.5) * RATE)
    writeWav(join(folder, 'mic.wav'), said, RATE)
    odeon = await startOdeonProcess()
    browser = await launchSpeaker(join(folder, 'mic.wav'))
  })
  afterAll(async () => {
    await browser?.close()
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  /** How much of what the browser said another speaker hears, 0 … 1. */
  async function heardThrough(network: { loss: number; jitterMs: number }): Promise<number> {
    const space = await openSpace(odeon.url, 'Bad network')
    const ben = await newSpeaker(odeon.url, space.id, space.host, 'Ben')
    const page = await browser.newPage({ locale: 'en-GB' })
    await rawMicrophone(page)
    await page.addInitScript(
      (session) => localStorage.setItem('odeon.session', session),
      JSON.stringify(space.host),
    )
    let relay: UdpRelay | undefined
    await page.route(/\/whip\b/, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const response = await route.fetch({ postData: withoutCandidates(route.request().postData()!) })
      const answered = await response.text()
      expect(answered).toMatch(/^m=audio \d+ \S+ 63 111/m) // Redundancy (RED) before Opus alone.
      const answer = readdressed(answered)
      relay = await startUdpRelay({ port: answer.port, seed: 4, ...network })
      await route.fulfill({ response, body: answer.through(relay.port) })
    })
    await page.goto(`${odeon.url}/s/${space.id}`)
    await page.locator(testid('join-stage')).click()
    await page.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })

    const frames: Float32Array[] = []
    const decoder = await openDecoder()
    const { promise: full, resolve } = Promise.withResolvers<void>()
    const listener = await goOnStage(odeon.url, space.id, ben.token, {
      onPacket: ({ opus }) => {
        frames.push(decoder.decode(opus).slice())
        if (frames.length === (WARM_UP_SECONDS + LOOP_SECONDS + 1) * 50) resolve()
      },
    })
    await full
    await listener.close()
    await page.close()
    await relay!.close()
    decoder.close()
    expect(relay!.counts.passed).toBeGreaterThan(100)
    return likeness(said, frames.slice(WARM_UP_SECONDS * 50))
  }

  test(
    'one packet in ten lost and 30 ms of jitter: a speaker in a browser is heard nearly as well as without',
    { timeout: 120_000 },
    async () => {
      const clean = await heardThrough({ loss: 0, jitterMs: 0 })
      const lossy = await heardThrough({ loss: 0.1, jitterMs: 30 })
      expect(clean).toBeGreaterThan(0.8)
      expect(lossy).toBeGreaterThan(clean - 0.1)
    },
  )
})

/** Mean likeness of each piece of the loop to its best place in the recording, by its loudness. */
function likeness(said: Float32Array, frames: readonly Float32Array[]): number {
  const thin = 3 // 16 kHz.
  const source = decimated(said, thin)
  new Biquad(highPass(BELOW_A_VOICE, RATE / thin)).process(source, source)
  const recording = decimated(Float32Array.from(frames.flatMap((frame) => [...frame])), thin)
  const length = (PIECE_SECONDS * RATE) / thin
  let [sum, weights] = [0, 0]
  for (let at = 0; at + length <= source.length; at += length) {
    const piece = source.subarray(at, at + length)
    const weight = Math.sqrt(piece.reduce((energy, x) => energy + x * x, 0))
    sum += weight * find(piece, recording).score
    weights += weight
  }
  return sum / weights
}

function decimated(pcm: Float32Array, by: number): Float32Array {
  return Float32Array.from({ length: Math.floor(pcm.length / by) }, (_, n) => {
    let sum = 0
    for (let i = 0; i < by; i++) sum += pcm[n * by + i]!
    return sum / by
  })
}
