import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Biquad, highPass } from '@odeon/ingest/biquad.ts'
import { BELOW_A_VOICE } from '@odeon/ingest/strip.ts'
import {
  CHROMIUM_HINT,
  findChromium,
  heard,
  launchListener,
  launchSpeaker,
  rawMicrophone,
  tap,
  TAP_RATE,
  type Heard,
} from './chromium.ts'
import { testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode, envelope, find, speech, writeWav } from './sound.ts'

/**
 * Two people talk in real browsers, in turns, and a third listens after a press of the button. What the microphones said is known to the
 * sample, so the sound that comes out is compared with it, and the indicator with the sound.
 */

const MIC_RATE = 48_000
/** Seconds of speech and of pause in each microphone's loop; the periods differ, so that the turns overlap in every way. */
const TURNS = { ana: { talk: 3, pause: 3 }, ben: { talk: 2.5, pause: 4.5 } }
const LISTEN_MS = 24_000

async function microphone(name: string, talk: number, pause: number): Promise<Float32Array> {
  const voice = (await decode(speech(name), MIC_RATE)).subarray(MIC_RATE / 2)
  const pcm = new Float32Array(Math.round((talk + pause) * MIC_RATE))
  pcm.set(voice.subarray(0, talk * MIC_RATE))
  return pcm
}

/** The talk of a loop at the tap's rate, without what is below a voice, as the stage lets it through. */
async function talkOf(name: string, talk: number): Promise<Float32Array> {
  const pcm = (await decode(speech(name), TAP_RATE)).subarray(TAP_RATE / 2, TAP_RATE / 2 + talk * TAP_RATE)
  new Biquad(highPass(BELOW_A_VOICE, TAP_RATE)).process(pcm, pcm)
  return pcm
}

/** The best match of half a second out of the middle of a turn: over more, the listener's rate (up to 1.1 at first) pulls the two apart. */
const match = (talk: Float32Array, sound: Heard): number =>
  find(talk.subarray(TAP_RATE / 2, TAP_RATE), sound.pcm).score

interface Sample {
  at: number
  talking: string[]
}

/** Notes in the page who is shown as talking, 20 times a second. */
const watchSeats = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const samples: { at: number; talking: string[] }[] = []
    Object.assign(window, { samples })
    setInterval(() => {
      const seats = document.querySelectorAll<HTMLElement>('[data-testid="seat"][data-talking="true"]')
      samples.push({
        at: performance.timeOrigin + performance.now(),
        talking: [...seats].map((seat) => seat.dataset['name'] ?? ''),
      })
    }, 50)
  })

describe.skipIf(!findChromium())(`the page${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let folder: string
  const browsers: Browser[] = []
  const talk: Record<'ana' | 'ben', Float32Array> = { ana: new Float32Array(0), ben: new Float32Array(0) }

  const newPage = async (browser: Browser): Promise<Page> => {
    browsers.push(browser)
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      bypassCSP: true, // The tap's worklet comes from a blob, which the page itself may not do.
    })
    return context.newPage()
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-e2e-'))
    odeon = await startOdeonProcess()
    writeWav(join(folder, 'ana.wav'), await microphone('host-en', TURNS.ana.talk, TURNS.ana.pause), MIC_RATE)
    writeWav(join(folder, 'ben.wav'), await microphone('guest-en', TURNS.ben.talk, TURNS.ben.pause), MIC_RATE)
    talk.ana = await talkOf('host-en', TURNS.ana.talk)
    talk.ben = await talkOf('guest-en', TURNS.ben.talk)
  })

  afterAll(async () => {
    await Promise.allSettled(browsers.map((browser) => browser.close()))
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test(
    'a voice goes from a microphone to a listener’s ear, and again from the recording',
    { timeout: 180_000 },
    async () => {
      // Ana opens a space and is on stage.
      const ana = await newPage(await launchSpeaker(join(folder, 'ana.wav')))
      await rawMicrophone(ana)
      await ana.goto(odeon.url)
      await ana.locator(testid('create-space')).first().click()
      await ana.locator(testid('name-input')).fill('Ana')
      await ana.locator(testid('title-input')).fill('An evening with voices')
      await ana.locator(testid('create-space')).last().click()
      await ana.waitForURL(/\/s\/[a-z0-9]+/)
      await ana.locator(`${testid('mic')}[data-state="live"]`).waitFor()
      const link = await speakerLink(ana)

      // Ben follows the speaker link.
      const ben = await newPage(await launchSpeaker(join(folder, 'ben.wav')))
      await rawMicrophone(ben)
      await ben.goto(link)
      await ben.locator(testid('name-input')).fill('Ben')
      await ben.locator(testid('join-stage')).click()
      await ben.locator(`${testid('mic')}[data-state="live"]`).waitFor()

      // Cleo only listens, and presses the button.
      const cleo = await newPage(await launchListener())
      await cleo.goto(link.split('?')[0]!)
      await cleo.locator(testid('listen')).click()
      await cleo.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
      expect(await cleo.locator(testid('join-stage')).count(), 'a listener link only listens').toBe(0)

      await Promise.all([tap(cleo, 'audio'), tap(ana, 'audio'), tap(ben, 'audio'), watchSeats(cleo)])
      await cleo.waitForTimeout(LISTEN_MS) // The length of the recording that is judged.
      const [cleoHeard, anaHeard, benHeard] = await Promise.all([heard(cleo), heard(ana), heard(ben)])
      const samples = await cleo.evaluate(() => (window as unknown as { samples: Sample[] }).samples)

      expect(match(talk.ana, cleoHeard), 'the listener hears Ana').toBeGreaterThan(0.6)
      expect(match(talk.ben, cleoHeard), 'the listener hears Ben').toBeGreaterThan(0.6)
      expect(match(talk.ben, anaHeard), 'Ana hears Ben').toBeGreaterThan(0.6)
      expect(match(talk.ana, benHeard), 'Ben hears Ana').toBeGreaterThan(0.6)
      expect(match(talk.ana, anaHeard), 'Ana does not hear herself').toBeLessThan(0.35)
      expect(match(talk.ben, benHeard), 'Ben does not hear himself').toBeLessThan(0.35)
      expect(indicatorAccuracy('ana', 'Ana', talk.ana, cleoHeard, samples)).toBeGreaterThan(0.9)
      expect(indicatorAccuracy('ben', 'Ben', talk.ben, cleoHeard, samples)).toBeGreaterThan(0.9)

      // The host ends the space; the page turns into its replay, which holds the whole.
      ana.on('dialog', (dialog) => void dialog.accept())
      await ana.locator(testid('end-space')).click()
      const confirm = ana.locator(testid('confirm'))
      if (await confirm.count()) await confirm.click()
      const id = /\/s\/([a-z0-9]+)/.exec(link)![1]!
      await cleo.locator(testid('replay-play')).waitFor({ timeout: 30_000 })
      const playlist = await (await fetch(`${odeon.url}/replay/${id}/index.m3u8`)).text()
      expect(playlist).toContain('#EXT-X-ENDLIST')
      const file = new Uint8Array(await (await fetch(`${odeon.url}/replay/${id}/audio.m4a`)).arrayBuffer())
      const recording = { startedAt: 0, pcm: await decode(file, TAP_RATE) }
      expect(recording.pcm.length / TAP_RATE, 'the replay is as long as the space').toBeGreaterThan(
        LISTEN_MS / 1000,
      )
      expect(match(talk.ana, recording)).toBeGreaterThan(0.6)
      expect(match(talk.ben, recording)).toBeGreaterThan(0.6)
      await cleo.locator(testid('replay-play')).click()
      await cleo.locator(`${testid('seat')}[data-name="Ana"]`).waitFor()
      await cleo
        .locator(`${testid('seat')}[data-talking="true"]`)
        .first()
        .waitFor()
    },
  )

  async function speakerLink(page: Page): Promise<string> {
    await page.locator(testid('copy-speaker-link')).click()
    const link = await page.locator(testid('speaker-link')).inputValue()
    await page.keyboard.press('Escape')
    return link
  }
})

/**
 * How often the indicator is right about one speaker: the moments when he is heard are found in the recording by his own words, and compared
 * with the samples of his seat, but for 300 ms around each change and the 700 ms that the indicator stays on after a word.
 */
function indicatorAccuracy(
  who: 'ana' | 'ben',
  name: string,
  talk: Float32Array,
  sound: Heard,
  samples: Sample[],
): number {
  const period = TURNS[who].talk + TURNS[who].pause
  const { at } = find(talk.subarray(TAP_RATE / 2, TAP_RATE * 1.5), sound.pcm)
  const origin = at / TAP_RATE - 0.5 // A turn begins here, and every period before and after.
  const loud = envelope(talk, TAP_RATE / 50).map((level) => level > -45)
  const isLoud = (seconds: number): boolean => loud[Math.floor(seconds * 50)] ?? false
  let right = 0
  let judged = 0
  for (const { at: moment, talking } of samples) {
    const time = (moment - sound.startedAt) / 1000
    const phase = (((time - origin) % period) + period) % period
    const near = Array.from({ length: 101 }, (_, k) => isLoud(phase + (k - 80) / 100))
    const heardNow = near.slice(50, 95).every(Boolean)
    const silent = !near.some(Boolean)
    if (time < 2 || (!heardNow && !silent)) continue
    judged++
    if (talking.includes(name) === heardNow) right++
  }
  if (judged < 50) throw new Error(`only ${judged} moments of ${name} could be judged`)
  return right / judged
}
