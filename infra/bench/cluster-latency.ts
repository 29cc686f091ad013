import type { Browser } from 'playwright-core'
import { CHROMIUM_HINT, findChromium, launchListener } from '../e2e/chromium.ts'
import { goOnStage, openSpace } from '../e2e/client.ts'
import { HAS_CLUSTER, startCluster } from '../e2e/cluster.ts'
import { earReport, listenForBursts } from '../e2e/ear.ts'
import { playing } from '../e2e/listener.ts'
import { speakBursts } from '../e2e/mouth.ts'
import { startOdeonProcess, type OdeonProcess } from '../e2e/odeon-process.ts'
import { delays, percentile } from './figures.ts'

/**
 * `npm run bench:cluster-latency -- [seconds a turn]`: mouth to ear by way of one process, and by way of a cluster (api, ingest and two transcoders as processes,
 * Redis, S3), in turns in one run, so that whatever else the machine does meets both. The ear is a real Chromium that plays the page.
 */

const SECONDS = Number(process.argv[2] ?? 25)
const TURNS = 3
const EVERY_MS = 1500
const SETTLE_MS = 4000
const GOAL_MS = 30

interface Turn {
  delays: number[]
  stalls: number
}

/** One space, one speaker, one listener, for `SECONDS`. */
async function turn(odeon: OdeonProcess, browser: Browser): Promise<Turn> {
  const { id, host } = await openSpace(odeon.url, 'Latency')
  const speaker = await goOnStage(odeon.url, id, host.token)
  const mouth = await speakBursts(speaker, EVERY_MS)
  const page = await browser.newPage({ bypassCSP: true }) // For the ear's worklet.
  try {
    await page.waitForTimeout(SETTLE_MS) // There are segments to begin with.
    await page.goto(`${odeon.url}/s/${id}`)
    await page.locator('[data-testid="listen"]').click()
    await playing(page)
    await listenForBursts(page, 'audio')
    await page.waitForTimeout(SETTLE_MS)
    const before = await earReport(page)
    await page.waitForTimeout(SECONDS * 1000)
    const after = await earReport(page)
    return {
      delays: delays(mouth.bursts, after.bursts.slice(before.bursts.length), EVERY_MS),
      stalls: after.stalls.length - before.stalls.length,
    }
  } finally {
    await page.close()
    mouth.stop()
    await speaker.close()
    await fetch(`${odeon.url}/api/spaces/${id}/end`, {
      method: 'POST',
      headers: { authorization: `Bearer ${host.token}` },
    })
  }
}

async function main(): Promise<void> {
  const single = await startOdeonProcess()
  const cluster = await startCluster()
  const browser = await launchListener()
  try {
    const api = await cluster.start('api')
    for (const role of ['ingest', 'transcoder', 'transcoder'] as const) await cluster.start(role)
    const found: Record<'single' | 'cluster', Turn[]> = { single: [], cluster: [] }
    for (let n = 0; n < TURNS; n++) {
      found.single.push(await turn(single, browser))
      found.cluster.push(await turn(api, browser))
    }
    const summary = (turns: Turn[]) => {
      const all = turns.flatMap((each) => each.delays)
      return {
        bursts: all.length,
        p50: Math.round(percentile(all, 0.5)),
        p95: Math.round(percentile(all, 0.95)),
        stalls: turns.reduce((sum, { stalls }) => sum + stalls, 0),
        turns: turns.map((each) => Math.round(percentile(each.delays, 0.5))),
      }
    }
    const result = { single: summary(found.single), cluster: summary(found.cluster) }
    console.log(
      `\n  mouth to ear, ${TURNS} turns of ${SECONDS} s each\n\n             bursts   p50 ms   p95 ms   stalls   p50 of each turn`,
    )
    for (const [name, { bursts, p50, p95, stalls, turns }] of Object.entries(result))
      console.log(
        `  ${name.padEnd(8)} ${String(bursts).padStart(8)} ${String(p50).padStart(8)} ${String(p95).padStart(8)} ${String(stalls).padStart(8)}   ${turns.join(' ')}`,
      )
    const aboveMs = result.cluster.p50 - result.single.p50
    console.log(`\n  the cluster's median is ${aboveMs} ms above (goal: ${GOAL_MS} at most)\n`)
    console.log(JSON.stringify({ bench: 'cluster-latency', seconds: SECONDS, aboveMs, ...result }))
    if (aboveMs > GOAL_MS) process.exitCode = 1
  } finally {
    await browser.close()
    await cluster.close()
    await single.remove()
  }
}

if (!findChromium() || !HAS_CLUSTER) {
  console.error(findChromium() ? 'needs redis-server and MinIO, as the tests of a cluster do' : CHROMIUM_HINT)
  process.exit(1)
}
await main()
