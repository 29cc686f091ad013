import type { Page } from 'playwright-core'
import { goOnStage, openSpace } from '../e2e/client.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from '../e2e/chromium.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { hum } from '../e2e/tone.ts'
import { percentile } from './figures.ts'

/**
 * `npm run bench:join -- [joins]`: from a link that was opened to the button, with nothing in the browser's cache and a network that is far away, and from the press
 * of the button to the first sound, on loopback. Each time in a new page. A table, and last a line of JSON.
 */

const JOINS = Number(process.argv[2] ?? 20)
/** ms, and bytes a second. */
const FAR = { latency: 80, downloadThroughput: 1.25e6, uploadThroughput: 1.25e6, offline: false }
const NEAR = { latency: 0, downloadThroughput: -1, uploadThroughput: -1, offline: false }

interface Opening {
  ms: number
  /** Of scripts, as they came over the network. */
  bytes: number
}

/** Opens a link from far away. */
async function open(page: Page, url: string): Promise<Opening> {
  const network = await page.context().newCDPSession(page)
  await network.send('Network.enable')
  await network.send('Network.emulateNetworkConditions', FAR)
  await page.addInitScript(() => {
    const look = (): void => {
      if (!document.querySelector('[data-testid="listen"]')) return void requestAnimationFrame(look)
      performance.mark('button')
    }
    look()
  })
  await page.goto(url, { waitUntil: 'networkidle' }) // With what is fetched before the press.
  await page.locator('[data-testid="listen"]').waitFor()
  const opening = await page.evaluate(() => ({
    ms: performance.getEntriesByName('button')[0]!.startTime,
    bytes: performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
  }))
  await network.send('Network.emulateNetworkConditions', NEAR)
  await network.detach()
  return opening
}

async function main(): Promise<void> {
  const odeon = await startOdeonProcess()
  const browser = await launchListener()
  try {
    const { id, host } = await openSpace(odeon.url, 'Join')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const humming = await hum(speaker, 440)
    const times: number[] = []
    const openings: Opening[] = []
    for (let n = 0; n < JOINS; n++) {
      const page = await browser.newPage()
      openings.push(await open(page, `${odeon.url}/s/${id}`))
      await page.waitForTimeout(1500 + ((n * 97) % 1920)) // Somebody reads the title first, for a while that falls everywhere in a segment.
      await page.evaluate(() => {
        const element = document.querySelector('audio')!
        const press = document.querySelector<HTMLElement>('[data-testid="listen"]')!
        const joined = new Promise<number>((resolve) => {
          press.addEventListener('click', () => {
            const pressed = performance.now()
            let from: number | undefined
            // Sound is heard when the playhead moves: Chromium moves it with the samples that go to the device.
            const look = (): void => {
              from ??= element.seeking || element.readyState < 3 ? undefined : element.currentTime
              if (from !== undefined && element.currentTime > from + 0.01)
                resolve(performance.now() - pressed)
              else setTimeout(look, 4)
            }
            look()
          })
        })
        Object.assign(window, { joined })
      })
      await page.locator('[data-testid="listen"]').click()
      times.push(await page.evaluate(() => (window as unknown as { joined: Promise<number> }).joined))
      await page.close()
    }
    humming.stop()
    await speaker.close()
    const seconds = (ms: number[]): Record<'p50' | 'p95' | 'longest', number> => {
      const at = (p: number): number => Math.round(percentile(ms, p)) / 1000
      return { p50: at(0.5), p95: at(0.95), longest: at(1) }
    }
    const sound = seconds(times)
    const button = seconds(openings.map(({ ms }) => ms))
    const scriptKb = Math.round(openings[0]!.bytes / 1000)
    console.log(`\n  ${JOINS} joins, each with an empty cache\n`)
    console.log(`  ${''.padEnd(44)}p50 s   p95 s   longest s`)
    for (const [what, { p50, p95, longest }] of [
      [`link to button, ${FAR.latency} ms and 10 Mbit/s away`, button],
      ['press to sound, on loopback', sound],
    ] as const)
      console.log(`  ${what.padEnd(44)}${p50.toFixed(3)}   ${p95.toFixed(3)}   ${longest.toFixed(3)}`)
    console.log(`\n  JavaScript for listening: ${scriptKb} kB over the network\n`)
    console.log(JSON.stringify({ bench: 'join', joins: JOINS, ...sound, button, scriptKb }))
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
