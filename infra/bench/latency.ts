import { goOnStage, openSpace } from '../e2e/client.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from '../e2e/chromium.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { earReport, listenForBursts } from './ear.ts'
import { delays, percentile } from './figures.ts'
import { speakBursts } from './mouth.ts'

/**
 * `npm run bench:latency [seconds]`: mouth to ear, from a WHIP speaker's tone bursts to a real Chromium that plays the page, all on this
 * machine. Prints a table, and last a line of JSON.
 */

const SECONDS = Number(process.argv[2] ?? 120)
const EVERY_MS = 2500
const SETTLE_MS = 8000

async function measure(): Promise<void> {
  const odeon = await startOdeonProcess()
  const browser = await launchListener()
  try {
    const { id, host } = await openSpace(odeon.url, 'Latency')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const mouth = await speakBursts(speaker, EVERY_MS)
    const page = await browser.newPage({ bypassCSP: true }) // For the ear's worklet.
    let requests = 0
    page.on('request', (request) => {
      if (request.url().includes('/live/')) requests++
    })
    await page.goto(`${odeon.url}/s/${id}`)
    await page.locator('[data-testid="listen"]').click()
    await page.locator('[data-testid="playback-state"][data-state="playing"]').waitFor()
    await page.waitForTimeout(SETTLE_MS)
    await listenForBursts(page, 'audio')
    const before = requests
    await page.waitForTimeout(SECONDS * 1000)
    const { bursts, stalls } = await earReport(page)
    const rate = (requests - before) / SECONDS
    const shown = await page.locator('[data-testid="delay"]').textContent()
    mouth.stop()
    await speaker.close()
    const measured = delays(mouth.bursts, bursts, EVERY_MS)
    const result = {
      bench: 'latency',
      bursts: measured.length,
      p50: Math.round(percentile(measured, 0.5)) / 1000,
      p95: Math.round(percentile(measured, 0.95)) / 1000,
      stalls,
      requestsPerSecond: Math.round(rate * 100) / 100,
    }
    console.log(`
  mouth to ear, ${SECONDS} s, ${measured.length} bursts, loopback

  player     p50 s   p95 s   stalls   requests/s   the page says
  odeon      ${result.p50.toFixed(3)}   ${result.p95.toFixed(3)}   ${String(stalls).padEnd(6)}   ${rate.toFixed(2).padEnd(10)}   ${shown?.trim() ?? ''}
`)
    console.log(JSON.stringify(result))
  } finally {
    await browser.close()
    await odeon.remove()
  }
}

if (!findChromium()) {
  console.error(CHROMIUM_HINT)
  process.exit(1)
}
await measure()
