import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { goOnStage, openSpace } from '../e2e/client.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from '../e2e/chromium.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { earReport, listenForBursts, type Stall } from '../e2e/ear.ts'
import { readBudget, readSteps, watchBuffer, type Budget } from './budget.ts'
import { delays, percentile } from './figures.ts'
import { speakBursts } from '../e2e/mouth.ts'
import { startRelay } from './relay.ts'

/**
 * `npm run bench:latency -- [seconds]`: mouth to ear, from a WHIP speaker's tone bursts to a real Chromium, all on this machine; for the page,
 * with Opus and for one who chose AAC, and for hls.js as others use it on the same space. One player after the other, so that they don't disturb one another. Prints a
 * table, and last a line of JSON.
 */

const SECONDS = Number(process.argv[2] ?? 120)
const EVERY_MS = 2500
/** "No stall after the first second": what comes later counts. */
const SETTLE_MS = 1000

interface Figures {
  bursts: number
  p50: number
  p95: number
  stalls: number
  stalledAt: Stall[]
  requestsPerSecond: number
  /** Seconds of sound kept behind the playhead at the end: bounded, however long one listens. */
  kept: number
  /** For our page: the delay that it shows, and where the time goes. */
  budget?: Budget & { shown: number }
}

/** Opens a page that plays the space, and presses its button. */
type OpenPlayer = (browser: Browser, base: string, space: string) => Promise<Page>

// For the ear's worklet, which the page's own policy would refuse.
const newPage = (browser: Browser): Promise<Page> => browser.newPage({ bypassCSP: true })

const openPage: OpenPlayer = async (browser, base, space) => pressListen(await newPage(browser), base, space)

/** As `openPage`, for one who doesn't save data: AAC. */
const openAac: OpenPlayer = async (browser, base, space) => {
  const page = await newPage(browser)
  await page.addInitScript(() => localStorage.setItem('odeon.save-data', 'no'))
  return pressListen(page, base, space)
}

async function pressListen(page: Page, base: string, space: string): Promise<Page> {
  await page.goto(`${base}/s/${space}`)
  await page.locator('[data-testid="listen"]').click()
  await page.locator('[data-testid="playback-state"][data-state="playing"]').waitFor()
  return page
}

/** hls.js with its own loaders and its own catching up, as any site would use it. */
const openStandard: OpenPlayer = async (browser, base, space) => {
  const page = await newPage(browser)
  await page.route(`${base}/standard`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<button>listen</button><audio></audio>' }),
  )
  await page.goto(`${base}/standard`)
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js') })
  await page.evaluate((url) => {
    const audio = document.querySelector('audio')!
    const { Hls } = window as unknown as {
      Hls: new (config: object) => { loadSource(u: string): void; attachMedia(a: HTMLAudioElement): void }
    }
    document.querySelector('button')!.onclick = () => {
      const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.1 })
      hls.loadSource(url)
      hls.attachMedia(audio)
      void audio.play()
    }
  }, `${base}/live/${space}/index.m3u8`)
  await page.locator('button').click()
  await page.waitForFunction(() => document.querySelector('audio')!.currentTime > 0)
  return page
}

async function measure(
  open: OpenPlayer,
  browser: Browser,
  base: string,
  space: string,
  spoken: number[],
): Promise<Figures> {
  const page = await open(browser, base, space)
  let requests = 0
  page.on('request', (request) => {
    if (request.url().includes('/live/')) requests++
  })
  await listenForBursts(page, 'audio')
  await page.waitForTimeout(SETTLE_MS)
  const start = await earReport(page)
  const isOurs = open === openPage
  const before = await readSteps(base)
  if (isOurs) await watchBuffer(page)
  requests = 0
  await page.waitForTimeout(SECONDS * 1000)
  const { bursts, stalls } = await earReport(page)
  const measured = delays(spoken, bursts.slice(start.bursts.length), EVERY_MS)
  const heard = percentile(measured, 0.5)
  const budget = isOurs && (await readBudget({ page, base, space, before, spoken, everyMs: EVERY_MS, heard }))
  const kept = await page.evaluate(() => {
    const { buffered, currentTime } = document.querySelector('audio')!
    return Math.round(currentTime - buffered.start(0))
  })
  await page.close()
  const seconds = (p: number): number => Math.round(percentile(measured, p)) / 1000
  return {
    bursts: measured.length,
    p50: seconds(0.5),
    p95: seconds(0.95),
    stalls: stalls.length - start.stalls.length,
    stalledAt: stalls.slice(start.stalls.length),
    requestsPerSecond: Math.round((requests / SECONDS) * 100) / 100,
    kept,
    ...(budget && { budget: rounded(budget) }),
  }
}

const rounded = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Math.round(value as number)])) as T

async function main(): Promise<void> {
  const odeon = await startOdeonProcess()
  const browser = await launchListener()
  try {
    const { id, host } = await openSpace(odeon.url, 'Latency')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const mouth = await speakBursts(speaker, EVERY_MS)
    const far = await startRelay({
      target: { host: 'localhost', port: odeon.port },
      delayMs: 40,
      jitterMs: 30,
      stopMs: 200,
      everyMs: 5000,
    })
    const farUrl = `http://localhost:${far.port}`
    const players = {
      odeon: await measure(openPage, browser, odeon.url, id, mouth.bursts),
      odeonAac: await measure(openAac, browser, odeon.url, id, mouth.bursts),
      standard: await measure(openStandard, browser, odeon.url, id, mouth.bursts),
      odeonFar: await measure(openPage, browser, farUrl, id, mouth.bursts),
      odeonAacFar: await measure(openAac, browser, farUrl, id, mouth.bursts),
      standardFar: await measure(openStandard, browser, farUrl, id, mouth.bursts),
    }
    mouth.stop()
    await far.close()
    await speaker.close()
    console.log(
      `\n  mouth to ear, ${SECONDS} s each; "far": 80 ms round trip, up to 30 ms jitter a write, a stop of 200 ms every 5 s\n\n  player           bursts   p50 s   p95 s   stalls   requests/s   kept s`,
    )
    for (const [name, { bursts, p50, p95, stalls, requestsPerSecond, kept }] of Object.entries(players)) {
      const cells = [
        name.padEnd(12),
        String(bursts).padStart(8),
        p50.toFixed(3).padStart(7),
        p95.toFixed(3).padStart(7),
      ]
      console.log(
        `  ${[...cells, String(stalls).padStart(8), requestsPerSecond.toFixed(2).padStart(12), String(kept).padStart(8)].join(' ')}`,
      )
    }
    console.log(`\n  our player's time by step, ms\n`)
    for (const [name, { budget }] of Object.entries(players)) {
      if (!budget) continue
      const steps = Object.entries(budget).map(([step, ms]) => `${step} ${ms}`)
      console.log(`  ${name.padEnd(9)} ${steps.join(' · ')}`)
    }
    console.log()
    console.log(JSON.stringify({ bench: 'latency', seconds: SECONDS, ...players }))
  } finally {
    await browser.close()
    await odeon.remove()
  }
}

if (!findChromium()) {
  console.error(CHROMIUM_HINT)
  process.exit(1)
}
await main()
