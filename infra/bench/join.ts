import { goOnStage, openSpace } from '../e2e/client.ts'
import { CHROMIUM_HINT, findChromium, launchListener } from '../e2e/chromium.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { hum } from '../e2e/tone.ts'
import { percentile } from './figures.ts'

/** `npm run bench:join -- [joins]`: from the press of the button to the first sound, each time in a new page. A table, and last a line of JSON. */

const JOINS = Number(process.argv[2] ?? 20)

async function main(): Promise<void> {
  const odeon = await startOdeonProcess()
  const browser = await launchListener()
  try {
    const { id, host } = await openSpace(odeon.url, 'Join')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const humming = await hum(speaker, 440)
    const times: number[] = []
    for (let n = 0; n < JOINS; n++) {
      const page = await browser.newPage()
      await page.goto(`${odeon.url}/s/${id}`)
      await page.locator('[data-testid="listen"]').waitFor()
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
    const seconds = (p: number): number => Math.round(percentile(times, p)) / 1000
    const result = { bench: 'join', joins: JOINS, p50: seconds(0.5), p95: seconds(0.95), longest: seconds(1) }
    console.log(`\n  press to sound, ${JOINS} joins on loopback\n\n  p50 s   p95 s   longest s`)
    console.log(`  ${result.p50.toFixed(3)}   ${result.p95.toFixed(3)}   ${result.longest.toFixed(3)}\n`)
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
await main()
