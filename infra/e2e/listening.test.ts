import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from './chromium.ts'
import { goOnStage, openSpace, type Guest } from './client.ts'
import { hears, playing, testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { startProxy } from './proxy.ts'
import { hum, type Hum } from './tone.ts'

/** What may happen between the stage and an ear, seen in a real browser: nothing of it needs the listener to press anything. */

describe.skipIf(!findChromium())(`listening${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let browser: Browser
  let odeon: OdeonProcess
  let space: { id: string; host: Guest }
  let speaker: WhipSpeaker
  let humming: Hum
  const cleanups: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    browser = await launchListener()
    odeon = await startOdeonProcess()
    space = await openSpace(odeon.url, 'Listening')
    speaker = await goOnStage(odeon.url, space.id, space.host.token)
    humming = await hum(speaker, 440)
  })
  afterAll(async () => {
    humming?.stop()
    await speaker?.vanish()
    await browser?.close()
    await odeon?.remove()
  })
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function listen(base: string): Promise<Page> {
    const page = await browser.newPage({ locale: 'en-GB' })
    cleanups.push(() => page.close())
    await page.goto(`${base}/s/${space.id}`)
    await page.locator(testid('listen')).click()
    await playing(page)
    return page
  }
  /** Seconds behind the stage, as the page says. */
  const behind = (page: Page): Promise<number> =>
    page.locator(testid('delay')).evaluate((element) => Number(element.dataset['seconds'] || NaN))

  test(
    'the page follows the growing segments: one request for each, and it comes close to the stage',
    { timeout: 60_000 },
    async () => {
      const proxy = await startProxy(odeon.port)
      cleanups.push(() => proxy.close())
      const page = await listen(proxy.url)
      await hears(page, 8)
      const media = proxy.requests.filter((url) => /\/opus\/.*\.m4s/.test(url))
      expect(
        media.every((url) => /\/opus\/\d+\.m4s$/.test(url)),
        'no parts',
      ).toBe(true)
      expect(new Set(media).size, 'none twice').toBe(media.length)
      expect(
        proxy.requests.filter((url) => url.includes('_HLS_msn')),
        'no playlist is polled',
      ).toEqual([])
      await expect.poll(() => behind(page), { timeout: 20_000 }).toBeLessThan(0.8)
    },
  )

  test('whoever comes in the first moment of a space hears it on end', { timeout: 60_000 }, async () => {
    const mine = await openSpace(odeon.url, 'Just begun')
    const talker = await goOnStage(odeon.url, mine.id, mine.host.token)
    cleanups.push(() => talker.vanish())
    const page = await browser.newPage({ locale: 'en-GB' })
    cleanups.push(() => page.close())
    await page.goto(`${odeon.url}/s/${mine.id}`)
    await page.locator(testid('listen')).click()
    await playing(page)
    const from = await page.evaluate(() => {
      const audio = document.querySelector('audio')!
      audio.addEventListener('seeking', () => (document.title = 'It was moved on.')) // By the stall watch, after 3 s.
      return audio.currentTime
    })
    await hears(page, 6) // Over three segments' ends.
    expect(await page.title()).not.toBe('It was moved on.')
    expect(await page.evaluate(() => document.querySelector('audio')!.currentTime)).toBeLessThan(from + 7)
  })

  test(
    'behind a proxy that buffers it goes on with standard low-latency HLS, and comes back when it can',
    { timeout: 180_000 },
    async () => {
      const proxy = await startProxy(odeon.port)
      cleanups.push(() => proxy.close())
      const page = await listen(proxy.url)
      proxy.buffering = true
      await expect
        .poll(() => proxy.requests.some((url) => url.includes('_HLS_part')), { timeout: 40_000 })
        .toBe(true)
      await playing(page)
      await hears(page, 5)
      proxy.buffering = false
      const isGrowing = (url: string): boolean => /\/opus\/\d+\.m4s$/.test(url)
      const media = () => proxy.requests.filter((url) => url.includes('/opus/')).slice(-3)
      await expect.poll(() => media().every(isGrowing), { timeout: 90_000, interval: 500 }).toBe(true)
      await playing(page)
      await hears(page, 3)
    },
  )

  test(
    'a server that was killed and started again ends the space, and the page turns into its replay',
    { timeout: 120_000 },
    async () => {
      const first = await startOdeonProcess()
      cleanups.push(() => first.remove())
      const mine = await openSpace(first.url, 'Killed')
      const talker = await goOnStage(first.url, mine.id, mine.host.token)
      const note = await hum(talker, 500)
      const page = await browser.newPage({ locale: 'en-GB' })
      cleanups.push(() => page.close())
      await page.goto(`${first.url}/s/${mine.id}`)
      await page.locator(testid('listen')).click()
      await playing(page)
      await hears(page, 5)
      await first.stop('SIGKILL')
      note.stop()
      await talker.vanish()
      await page
        .locator(`${testid('playback-state')}[data-state="reconnecting"]`)
        .waitFor({ timeout: 30_000 })
      const second = await startOdeonProcess({ folder: first.folder, env: { PORT: String(first.port) } })
      cleanups.push(() => second.stop('SIGKILL'))
      await page.locator(testid('replay-play')).waitFor({ timeout: 45_000 })
    },
  )

  test(
    'a process that stands still for a while, as when a laptop sleeps, is followed again at the edge',
    { timeout: 90_000 },
    async () => {
      const page = await listen(odeon.url)
      await hears(page, 2)
      odeon.child.kill('SIGSTOP')
      await page.waitForTimeout(4000) // The length of the sleep is what is tested.
      odeon.child.kill('SIGCONT')
      await playing(page)
      await hears(page, 5)
      await expect.poll(() => behind(page), { timeout: 30_000 }).toBeLessThan(1.5)
    },
  )

  test('a lost network is survived without a press', { timeout: 90_000 }, async () => {
    const page = await listen(odeon.url)
    await hears(page, 2)
    await page.context().setOffline(true)
    await page.locator(`${testid('playback-state')}[data-state="reconnecting"]`).waitFor({ timeout: 30_000 })
    await page.context().setOffline(false)
    await playing(page)
    await hears(page, 5)
    await expect.poll(() => behind(page), { timeout: 30_000 }).toBeLessThan(1.5)
  })
})
