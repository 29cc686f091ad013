import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { percentile } from '../bench/figures.ts'
import { openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '@odeon/common/time.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { CHROMIUM_HINT, findChromium, heard, launchListener, tap, TAP_RATE } from './chromium.ts'
import { goOnStage, openSpace, type Guest } from './client.ts'
import { hears, playing, testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { startProxy } from './proxy.ts'
import { decode, find, speech } from './sound.ts'

/** Both renditions in a real browser: Opus by our player unless its listener chose otherwise, and both by any hls.js. */

const VOICE = 'host-en'
const LISTEN_SECONDS = 32

/** Says a recording over and over, in real time. */
async function say(speaker: WhipSpeaker, pcm: Float32Array): Promise<{ stop(): void }> {
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const frames = Math.floor(pcm.length / FRAME_SAMPLES)
  const startedAt = performance.now()
  let frame = 0
  const timer = setInterval(() => {
    for (; startedAt + frame * FRAME_MS <= performance.now(); frame++) {
      const at = (frame % frames) * FRAME_SAMPLES
      speaker.send(encoder.encode(pcm.subarray(at, at + FRAME_SAMPLES)))
    }
  }, 5)
  return {
    stop() {
      clearInterval(timer)
      encoder.close()
    },
  }
}

describe.skipIf(!findChromium())(`the Opus rendition${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let browser: Browser
  let odeon: OdeonProcess
  let space: { id: string; host: Guest }
  let speaker: WhipSpeaker
  let voice: { stop(): void }
  const cleanups: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    browser = await launchListener()
    odeon = await startOdeonProcess()
    space = await openSpace(odeon.url, 'Opus')
    speaker = await goOnStage(odeon.url, space.id, space.host.token)
    voice = await say(speaker, await decode(speech(VOICE), SAMPLE_RATE))
  })
  afterAll(async () => {
    voice?.stop()
    await speaker?.vanish()
    await browser?.close()
    await odeon?.remove()
  })
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  const open = async (): Promise<Page> => {
    const page = await browser.newPage({ locale: 'en-GB', bypassCSP: true }) // The tap's worklet is a blob.
    cleanups.push(() => page.close())
    return page
  }
  /** How alike what was said is to what is heard, at some of the last seconds that were heard. */
  async function likeness(page: Page): Promise<number[]> {
    const recording = await decode(speech(VOICE), TAP_RATE)
    const said = new Float32Array(recording.length + TAP_RATE) // It was said over and over: a second may lie across its end.
    said.set(recording)
    said.set(recording.subarray(0, TAP_RATE), recording.length)
    const { pcm } = await heard(page)
    const scores: number[] = []
    for (let n = 0; n < 7; n++) {
      await new Promise((resolve) => setTimeout(resolve)) // The speaker lives in this process, and must not fall silent.
      const end = pcm.length - Math.round(n * 1.7 * TAP_RATE)
      scores.push(find(pcm.subarray(end - TAP_RATE, end), said).score)
    }
    return scores
  }
  /** What was said is heard. A machine that is short of CPU for a moment makes holes that say nothing of the packets: then more is listened to. */
  async function isHeard(page: Page): Promise<void> {
    let scores: number[] = []
    for (let round = 0; round < 3; round++) {
      if (round > 0) await hears(page, 13)
      scores = await likeness(page)
      if (percentile(scores, 0.5) > 0.85) return
    }
    expect.fail(`another sound is heard than was said: ${scores.map((score) => score.toFixed(2)).join(' ')}`)
  }
  test(
    'a listener hears the voice for half a minute, by growing segments of Opus alone',
    { timeout: 180_000 },
    async () => {
      const proxy = await startProxy(odeon.port)
      cleanups.push(() => proxy.close())
      const page = await open()
      await page.goto(`${proxy.url}/s/${space.id}`)
      await page.locator(testid('listen')).click()
      await playing(page)
      proxy.requests.length = 0
      await tap(page, 'audio')
      await hears(page, 5) // The governor finds its place.
      await page.evaluate(() => {
        const state = { stalls: 0 }
        document.querySelector('audio')!.addEventListener('waiting', () => state.stalls++)
        Object.assign(window, { state })
      })
      await hears(page, LISTEN_SECONDS)
      // None where there is CPU enough; a seam that is wrong would stall at every chunk or segment.
      const stalls = await page.evaluate(
        () => (window as unknown as { state: { stalls: number } }).state.stalls,
      )
      expect(stalls).toBeLessThan(LISTEN_SECONDS / 10)
      const media = proxy.requests.filter((url) => /\.m4s/.test(url))
      expect(media.length).toBeGreaterThan(12)
      expect(media.filter((url) => !/\/opus\/\d+\.m4s$/.test(url))).toEqual([])
      await isHeard(page)
    },
  )

  test(
    'the choice is changed while it plays: the other rendition begins at the edge, and is there again after a reload',
    { timeout: 90_000 },
    async () => {
      const proxy = await startProxy(odeon.port)
      cleanups.push(() => proxy.close())
      const page = await open()
      await page.goto(`${proxy.url}/s/${space.id}`)
      await page.locator(testid('listen')).click()
      await playing(page)
      await hears(page, 2)
      for (const name of ['aac', 'opus', 'aac']) {
        await page.locator(testid('save-data')).click()
        await expect
          .poll(
            () =>
              proxy.requests
                .filter((url) => url.includes('.m4s'))
                .slice(-3)
                .every((url) => url.includes(`/${name}/`)),
            { timeout: 20_000 },
          )
          .toBe(true)
        await playing(page)
        await hears(page, 2)
        const delay = () =>
          page.locator(testid('delay')).evaluate((element) => Number(element.dataset['seconds'] || NaN))
        await expect.poll(delay, { timeout: 20_000 }).toBeLessThan(1.5)
      }
      await page.reload()
      await page.locator(`${testid('save-data')}[aria-pressed="false"]`).waitFor()
    },
  )

  test(
    'behind a proxy that buffers, AAC goes on with standard low-latency HLS, as Opus does',
    { timeout: 120_000 },
    async () => {
      const proxy = await startProxy(odeon.port)
      cleanups.push(() => proxy.close())
      const page = await open()
      await page.goto(`${proxy.url}/s/${space.id}`)
      await page.locator(testid('save-data')).click()
      await page.locator(testid('listen')).click()
      await playing(page)
      proxy.buffering = true
      await expect
        .poll(() => proxy.requests.some((url) => url.includes('/aac/index.m3u8?_HLS_msn')), {
          timeout: 60_000,
        })
        .toBe(true)
      await playing(page)
      await hears(page, 5)
      expect(
        proxy.requests.filter((url) => url.includes('/opus/')).filter((url) => url.includes('.m4s')),
      ).toEqual([])
    },
  )

  test(
    'a browser that says that it plays Opus, and does not, gets AAC by itself',
    { timeout: 90_000 },
    async () => {
      const page = await open()
      await page.addInitScript(() => {
        const add = MediaSource.prototype.addSourceBuffer
        MediaSource.prototype.addSourceBuffer = function (type) {
          const buffer = add.call(this, type)
          if (type.includes('opus'))
            buffer.appendBuffer = () => {
              throw new Error('There is no decoder.')
            }
          return buffer
        }
      })
      const media: string[] = []
      page.on('request', (request) => {
        if (request.url().endsWith('.m4s')) media.push(request.url())
      })
      await page.goto(`${odeon.url}/s/${space.id}`)
      await page.locator(testid('listen')).click()
      await page.waitForFunction(() => document.querySelector('audio')!.currentTime > 0)
      await playing(page)
      await hears(page, 3)
      expect(media.some((url) => url.includes('/opus/'))).toBe(true)
      expect(media.at(-1)).toContain('/aac/')
      expect(await page.locator(testid('save-data')).count(), 'there is no choice').toBe(0)
    },
  )

  test.each([
    ['index.m3u8', 'opus'], // The variant with the smaller BANDWIDTH.
    ['aac/index.m3u8', 'aac'],
    ['opus/index.m3u8', 'opus'],
  ])('hls.js as others use it plays %s, and stays with %s', { timeout: 120_000 }, async (path, rendition) => {
    const page = await open()
    const media: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('.m4s')) media.push(request.url())
    })
    await page.route(`${odeon.url}/standard`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<button>listen</button><audio></audio>' }),
    )
    await page.goto(`${odeon.url}/standard`)
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js') })
    await page.evaluate((url) => {
      const audio = document.querySelector('audio')!
      interface Player {
        loadSource(u: string): void
        attachMedia(a: HTMLAudioElement): void
        on(event: string, listener: (event: string, data: Record<string, unknown>) => void): void
      }
      const { Hls } = window as unknown as { Hls: new (config: object) => Player }
      const errors: string[] = []
      Object.assign(window, { errors })
      document.querySelector('button')!.onclick = () => {
        const hls = new Hls({ lowLatencyMode: true }) // At the rate of 1, so that the sound can be compared.
        hls.on('hlsError', (_event, { fatal, details }) => void (fatal && errors.push(String(details))))
        hls.loadSource(url)
        hls.attachMedia(audio)
        void audio.play()
      }
    }, `${odeon.url}/live/${space.id}/${path}`)
    await page.locator('button').click()
    await page.waitForFunction(() => document.querySelector('audio')!.currentTime > 0)
    await tap(page, 'audio')
    await hears(page, 13)
    expect(await page.evaluate(() => (window as unknown as { errors: string[] }).errors)).toEqual([])
    expect(media.length).toBeGreaterThan(40)
    expect(media.filter((url) => !url.includes(`/${rendition}/`))).toEqual([])
    await isHeard(page)
  })
})
