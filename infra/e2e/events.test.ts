import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Archive } from '@odeon/common/archive.ts'
import { FRAME_MS, SAMPLE_RATE } from '@odeon/common/time.ts'
import { percentile } from '../bench/figures.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from './chromium.ts'
import { call, goOnStage, openSpace, type Guest } from './client.ts'
import { earReport, listenForBursts } from './ear.ts'
import { speakBursts } from './mouth.ts'
import { testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { startProxy } from './proxy.ts'
import { decode } from './sound.ts'

/**
 * Is what the page shows in time with what is heard? Somebody hums for 0.8 s every 2 s. The recording knows how long after the first sound
 * of each hum the event "talks" stands; the page must show it just as long after the ear hears that sound.
 */

const EVERY_MS = 2000
const HUM_MS = 800
/** The issue's own bound, for the median of the events of each part. */
const WITHIN_MS = 50

/** Notes when the page begins to show somebody as talking. */
const watchTalk = (page: Page): Promise<void> =>
  page.evaluate((seat) => {
    const shown: number[] = []
    let talks = document.querySelector(`${seat}[data-talking="true"]`) !== null
    new MutationObserver(() => {
      const now = document.querySelector(`${seat}[data-talking="true"]`) !== null
      if (now && !talks) shown.push(performance.timeOrigin + performance.now())
      talks = now
    }).observe(document.body, { subtree: true, childList: true, attributes: true })
    Object.assign(window, { shown })
  }, testid('seat'))

const shownAt = (page: Page): Promise<number[]> =>
  page.evaluate(() => (window as unknown as { shown: number[] }).shown)

/** How long after the beginning of each hum the page showed it, ms. */
async function lags(page: Page, hums: number): Promise<number[]> {
  await expect.poll(async () => (await shownAt(page)).length, { timeout: 90_000 }).toBeGreaterThan(hums)
  const [{ bursts }, shown] = [await earReport(page), await shownAt(page)]
  return shown.flatMap((at) => {
    const near = bursts.filter((burst) => Math.abs(at - burst) < EVERY_MS / 3)
    return near.length === 1 ? [at - near[0]!] : []
  })
}

/** The same out of the recording: ms of sound from the first sound of a hum to the event. */
async function truth(base: string, id: string): Promise<number> {
  const archive = Archive.parse((await call(`${base}/replay/${id}/archive.json`, 'GET')).body)
  const pcm = await decode(
    new Uint8Array(await (await fetch(`${base}/replay/${id}/audio.m4a`)).arrayBuffer()),
    SAMPLE_RATE,
  )
  const begins: number[] = []
  for (let n = 0, quiet = 0; n < pcm.length; n++) {
    if (Math.abs(pcm[n]!) < 0.1) quiet++
    else {
      if (quiet > 0.3 * SAMPLE_RATE) begins.push((n * 1000) / SAMPLE_RATE)
      quiet = 0
    }
  }
  const events = archive.events.flatMap((event) =>
    event.type === 'talking' && event.ids.length > 0 ? [event.frame * FRAME_MS] : [],
  )
  return percentile(
    events.flatMap((event) => {
      const hum = begins.find((begin) => Math.abs(event - begin) < EVERY_MS / 3)
      return hum === undefined ? [] : [event - hum]
    }),
    0.5,
  )
}

describe.skipIf(!findChromium())(`events${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let browser: Browser
  let odeon: OdeonProcess
  let space: { id: string; host: Guest }

  beforeAll(async () => {
    browser = await launchListener()
    odeon = await startOdeonProcess()
    space = await openSpace(odeon.url, 'In time')
  })
  afterAll(async () => {
    await browser?.close()
    await odeon?.remove()
  })

  const open = async (base: string): Promise<Page> => {
    const page = await browser.newPage({ locale: 'en-GB', bypassCSP: true }) // The ear's worklet is a blob.
    await page.goto(`${base}/s/${space.id}`)
    return page
  }
  const follow = async (page: Page): Promise<void> => {
    await listenForBursts(page, 'audio')
    await watchTalk(page)
  }

  test(
    'what the page shows is in time with what is heard: live, on standard HLS, in the replay, faster, and after a seek',
    { timeout: 300_000 },
    async () => {
      const speaker = await goOnStage(odeon.url, space.id, space.host.token)
      const mouth = await speakBursts(speaker, EVERY_MS, HUM_MS)
      const measured: Record<string, { lags: number[]; rate: number }> = {}
      const proxy = await startProxy(odeon.port)
      try {
        const near = await open(odeon.url)
        const fallback = await open(proxy.url)
        proxy.buffering = true
        for (const page of [near, fallback]) {
          await page.locator(testid('listen')).click()
          await page.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
        }
        await expect
          .poll(() => proxy.requests.some((url) => url.includes('_HLS_part')), { timeout: 40_000 })
          .toBe(true)
        await fallback.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
        for (const page of [near, fallback]) await follow(page)
        measured['live'] = { lags: await lags(near, 6), rate: 1 }
        measured['standard HLS'] = { lags: await lags(fallback, 6), rate: 1 }
        await near.close()
        await fallback.close()
      } finally {
        mouth.stop()
        await speaker.close()
        await proxy.close()
      }
      await call(`${odeon.url}/api/spaces/${space.id}/end`, 'POST', undefined, space.host.token)
      await expect
        .poll(async () => (await call(`${odeon.url}/replay/${space.id}/archive.json`, 'GET')).status, {
          timeout: 30_000,
        })
        .toBe(200)

      const replay = await open(odeon.url)
      await replay.locator(testid('replay-play')).click()
      await replay.waitForFunction(() => document.querySelector('audio')!.currentTime > 0)
      await follow(replay)
      measured['replay'] = { lags: await lags(replay, 6), rate: 1 }
      const seekBack = (): Promise<void> => replay.locator(testid('replay-position')).fill('1')
      const next = async (hums: number): Promise<number[]> => {
        const seen = (await lags(replay, 0)).length
        return (await lags(replay, (await shownAt(replay)).length + hums)).slice(seen)
      }
      await seekBack()
      measured['replay, after a seek'] = { lags: await next(5), rate: 1 }
      while ((await replay.locator('.rate').textContent()) !== '1.5×') await replay.locator('.rate').click()
      await seekBack()
      measured['replay, faster'] = { lags: await next(5), rate: 1.5 }

      const expected = await truth(odeon.url, space.id)
      for (const [what, { lags, rate }] of Object.entries(measured)) {
        expect(lags.length, what).toBeGreaterThan(2)
        expect(
          Math.abs(percentile(lags, 0.5) - expected / rate),
          `${what}: ${lags.map(Math.round)} for ${expected / rate}`,
        ).toBeLessThan(WITHIN_MS)
      }
    },
  )
})
