import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts } from '@odeon/common/adapters/testing/programs.ts'
import {
  CHROMIUM_HINT,
  findChromium,
  heard,
  launchListener,
  launchSpeaker,
  tap,
  TAP_RATE,
} from './chromium.ts'
import { call, goOnStage, openSpace } from './client.ts'
import { HAS_CLUSTER, startCluster, type TestCluster } from './cluster.ts'
import { hears, playing, testid } from './listener.ts'
import type { OdeonProcess } from './odeon-process.ts'
import { decode, speech, writeWav } from './sound.ts'
import { amplitude, hum } from './tone.ts'

/** What a real browser's page does by itself when a process dies. */

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startSome(env: Record<string, string> = {}): Promise<TestCluster> {
  const cluster = await startCluster(env)
  cleanups.push(() => cluster.close())
  return cluster
}
async function launched(browser: Promise<Browser>): Promise<Browser> {
  const open = await browser
  cleanups.push(() => open.close())
  return open
}

const say = (what: string): void => {
  if (process.env['ODEON_TELL']) console.log(what)
}

/** Pauses of a note, ms, longer than a look of 10 ms at a time can be wrong. */
function pauses(pcm: Float32Array, hz: number): number[] {
  const look = TAP_RATE / 100
  const found: number[] = []
  let quiet = 0
  for (let n = 0; (n + 1) * look <= pcm.length; n++) {
    if (amplitude(pcm.subarray(n * look, (n + 1) * look), hz, TAP_RATE) < 0.05) quiet += 10
    else {
      if (quiet > 10) found.push(quiet)
      quiet = 0
    }
  }
  return found
}

const can = HAS_CLUSTER && findChromium()
describe.skipIf(!can)(`a page survives${can ? '' : ` (${CHROMIUM_HINT}; Redis and MinIO)`}`, () => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'the api node that it listens to is gone by %s: the sound goes on from the next one',
    { timeout: 120_000 },
    async (signal) => {
      const ports = await freePorts(2)
      const urls = ports.map((port) => `http://localhost:${port}`)
      const cluster = await startSome({ ODEON_ORIGINS: urls.join(',') })
      const [one, two] = (await Promise.all(
        ports.map((port) => cluster.startWith({ ...cluster.env, PORT: String(port) }, 'api')),
      )) as [OdeonProcess, OdeonProcess]
      await cluster.start('ingest', 'transcoder')
      const { id, host } = await openSpace(two.url, 'Two origins')
      const speaker = await goOnStage(two.url, id, host.token)
      cleanups.push(() => speaker.vanish())
      const humming = await hum(speaker, 500)
      cleanups.push(() => humming.stop())
      const browser = await launched(launchListener())
      const page = await browser.newPage({ locale: 'en-GB', bypassCSP: false })
      const asked: string[] = []
      const refused: string[] = []
      page.on('request', (request) => asked.push(request.url()))
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) refused.push(message.text())
      })
      await page.goto(`${one.url}/s/${id}`)
      await page.locator(testid('listen')).click()
      await playing(page)
      await hears(page, 4)
      const states = await page.evaluate(() => {
        const seen: string[] = []
        const state = document.querySelector<HTMLElement>('[data-testid="playback-state"]')!
        new MutationObserver(() => seen.push(state.dataset['state']!)).observe(state, { attributes: true })
        const audio = document.querySelector('audio')!
        audio.addEventListener('waiting', () => seen.push('waiting'))
        Object.assign(window, { seen })
        return seen
      })
      expect(states).toEqual([])
      one.child.kill(signal)
      await hears(page, 6)
      await playing(page)
      const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen)
      say(`${signal}: the page saw ${JSON.stringify(seen)}`)
      expect(asked.at(-1)).toContain(two.url)
      expect(asked.some((url) => url.startsWith(`${two.url}/live/${id}/opus/`) && url.endsWith('.m4s'))).toBe(
        true,
      )
      expect(asked.filter((url) => url.includes('_HLS_msn'))).toEqual([]) // By the growing way still.
      expect(refused).toEqual([])
    },
  )

  test('how long the note is missing when the api node is killed', { timeout: 120_000 }, async () => {
    const ports = await freePorts(2)
    const cluster = await startSome({
      ODEON_ORIGINS: ports.map((port) => `http://localhost:${port}`).join(','),
    })
    const [one, two] = (await Promise.all(
      ports.map((port) => cluster.startWith({ ...cluster.env, PORT: String(port) }, 'api')),
    )) as [OdeonProcess, OdeonProcess]
    await cluster.start('ingest', 'transcoder')
    const { id, host } = await openSpace(two.url, 'Two origins')
    const speaker = await goOnStage(two.url, id, host.token)
    cleanups.push(() => speaker.vanish())
    const humming = await hum(speaker, 500)
    cleanups.push(() => humming.stop())
    const browser = await launched(launchListener())
    const page = await browser.newPage({ locale: 'en-GB', bypassCSP: true }) // For the ear's worklet.
    await page.goto(`${one.url}/s/${id}`)
    await page.locator(testid('listen')).click()
    await playing(page)
    await hears(page, 4)
    await tap(page, 'audio')
    await hears(page, 3)
    one.child.kill('SIGKILL')
    await hears(page, 6)
    const { pcm } = await heard(page)
    const lost = pauses(pcm, 500)
    say(`killed: pauses of ${JSON.stringify(lost)} ms in ${(pcm.length / TAP_RATE).toFixed(1)} s`)
    expect(pcm.length / TAP_RATE).toBeGreaterThan(8)
    expect(Math.max(0, ...lost)).toBeLessThan(2000) // How long, a loaded machine decides; that it goes on, we do.
  })

  test(
    'a speaker’s page dials again by itself when the ingest node is killed',
    { timeout: 120_000 },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'odeon-redial-'))
      cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
      writeWav(join(folder, 'mic.wav'), await decode(speech('engineer-en'), 48_000), 48_000)
      const cluster = await startSome()
      const api = await cluster.start('api', 'transcoder')
      const nodes = [await cluster.start('ingest'), await cluster.start('ingest')]
      const browser = await launched(launchSpeaker(join(folder, 'mic.wav')))
      const page = await browser.newPage({ locale: 'en-GB' })
      await page.goto(api.url)
      await page.locator(testid('create-space')).first().click()
      await page.locator(testid('name-input')).fill('Ana')
      await page.locator(testid('title-input')).fill('Called back')
      await page.locator(testid('create-space')).last().click()
      await page.waitForURL(/\/s\/[a-z0-9]+/)
      const id = /\/s\/([a-z0-9]+)/.exec(page.url())![1]!
      await page.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
      const connected = async (node: OdeonProcess): Promise<number> =>
        Number(/^odeon_speakers (\d+)/m.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1] ?? NaN)
      const talks = async (): Promise<number> =>
        (await call<{ stage: { talking: string[] } | null }>(`${api.url}/api/spaces/${id}`, 'GET')).body.stage
          ?.talking.length ?? 0
      await expect.poll(talks, { timeout: 30_000 }).toBe(1)
      const counts = await Promise.all(nodes.map(connected))
      const [owner, other] = counts[0] === 1 ? [nodes[0]!, nodes[1]!] : [nodes[1]!, nodes[0]!]
      const since = performance.now()
      owner.child.kill('SIGKILL')
      await expect.poll(() => connected(other), { timeout: 30_000, interval: 50 }).toBe(1)
      say(`the speaker’s page is back on stage after ${(performance.now() - since).toFixed(0)} ms`)
      await expect.poll(talks, { timeout: 30_000 }).toBe(1)
      await page.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
    },
  )
})
