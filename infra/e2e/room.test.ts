import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM_HINT, findChromium, launchSpeaker } from './chromium.ts'
import { call } from './client.ts'
import { playing, testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode, speech, writeWav } from './sound.ts'

/** How people come on stage and leave it, on the pages of a host and of a listener. */

/** How loud the two sounds of the page are; 0 for what plays nothing. */
declare const sounds: { house: number; stage: number }[]

/** Notes them after each change of a volume and each start and stop. */
const watchSounds = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const noted: typeof sounds = []
    Object.assign(window, { sounds: noted })
    const loud = (id: string): number => {
      const audio = document.querySelector<HTMLAudioElement>(`[data-testid="${id}"]`)
      return !audio || audio.paused || audio.muted ? 0 : audio.volume
    }
    const note = (): void => void noted.push({ house: loud('house-sound'), stage: loud('stage-sound') })
    setInterval(note, 5)
  })

describe.skipIf(!findChromium())(`the room${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let browser: Browser
  let folder: string
  let host: Page
  let house: BrowserContext
  let ben: Page
  let space: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-room-'))
    writeWav(join(folder, 'mic.wav'), await decode(speech('engineer-en'), 48_000), 48_000)
    odeon = await startOdeonProcess()
    browser = await launchSpeaker(join(folder, 'mic.wav'))
    host = await browser.newPage({ locale: 'en-GB' })
    await host.goto(odeon.url)
    await host.locator(testid('create-space')).first().click()
    await host.locator(testid('name-input')).fill('Ana')
    await host.locator(testid('title-input')).fill('Questions from the floor')
    await host.locator(testid('create-space')).last().click()
    await host.waitForURL(/\/s\/[a-z0-9]+/)
    space = /\/s\/([a-z0-9]+)/.exec(host.url())![1]!
    await onAir(host)
    house = await browser.newContext({ locale: 'en-GB', permissions: ['microphone'] })
    ben = await house.newPage()
    await ben.goto(`${odeon.url}/s/${space}`)
    await ben.locator(testid('listen')).click()
    await playing(ben)
  })
  afterAll(async () => {
    await browser?.close()
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const onAir = (page: Page) =>
    page.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
  const names = async (): Promise<string[]> => {
    const { body } = await call<{ stage: { members: { name: string }[] } | null }>(
      `${odeon.url}/api/spaces/${space}`,
      'GET',
    )
    return body.stage?.members.map(({ name }) => name) ?? []
  }
  const hand = testid('raise-hand')

  test('a listener raises his hand while he listens, and lowers it again', { timeout: 60_000 }, async () => {
    await ben.locator(hand).click()
    await ben.locator(testid('hand-name')).fill('Ben')
    await ben.locator(testid('hand-name-ok')).click()
    await host.locator(testid('hand')).getByText('Ben').waitFor()
    await expect.poll(() => ben.locator(hand).innerText()).toContain('no. 1')
    expect(await ben.locator(testid('playback-state')).getAttribute('data-state')).toBe('playing')
    await ben.locator(hand).click()
    await host.locator(testid('hand')).waitFor({ state: 'detached' })
  })

  test('a refused hand is down again, and may be raised again', { timeout: 60_000 }, async () => {
    await ben.locator(hand).click()
    await host.locator(testid('refuse-hand')).click()
    await ben.locator(`${hand}[aria-pressed="false"]`).waitFor()
  })

  test(
    'all is ready when the host lets him in: he is live at once, and what he hears goes on without a hole',
    { timeout: 60_000 },
    async () => {
      await ben.locator(hand).click()
      await ben.locator(`${testid('hand-note')}[data-state="ready"]`).waitFor()
      await host.locator(`${testid('hand')}[data-ready="true"]`).waitFor()
      await watchSounds(ben)
      await host.locator(testid('accept-hand')).click()
      await onAir(ben)
      await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana', 'Ben'])
      await expect
        .poll(() => ben.evaluate(() => sounds.at(-1)), { timeout: 10_000 })
        .toEqual({ house: 0, stage: 1 })
      const seen = await ben.evaluate(() => sounds)
      expect(Math.min(...seen.map(({ house, stage }) => house ** 2 + stage ** 2)), 'no hole').toBeGreaterThan(
        0.9,
      )
      expect(Math.max(...seen.map(({ house, stage }) => house ** 2 + stage ** 2)), 'no double').toBeLessThan(
        1.1,
      )
    },
  )

  test('who goes back to the audience hears on, live', { timeout: 60_000 }, async () => {
    await ben.locator(testid('leave-stage')).click()
    await playing(ben)
    await ben.locator(testid('stage-sound')).waitFor({ state: 'detached' })
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana'])
    const seen = await ben.evaluate(() => sounds)
    expect(Math.min(...seen.map(({ house, stage }) => house ** 2 + stage ** 2)), 'no hole').toBeGreaterThan(
      0.9,
    )
    await ben.locator(testid('join-stage')).click() // He was let on: he may return.
    await onAir(ben)
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana', 'Ben'])
  })

  test('a co-host may let others in; a ban takes anybody off the stage', { timeout: 60_000 }, async () => {
    const seat = host.locator(testid('seat')).filter({ hasText: 'Ben' })
    await seat.click()
    await host.locator(testid('cohost')).click()
    await expect
      .poll(async () => {
        const { body } = await call<{ stage: { members: { role: string }[] } }>(
          `${odeon.url}/api/spaces/${space}`,
          'GET',
        )
        return body.stage.members.map(({ role }) => role)
      })
      .toEqual(['host', 'cohost'])
    await seat.click()
    await host.locator(testid('ban')).click()
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana'])
    await ben
      .locator(testid('listen'))
      .or(ben.locator(testid('pause')))
      .first()
      .waitFor()
  })

  test('who may speak is changed while it is live', { timeout: 60_000 }, async () => {
    await host.locator(testid('copy-speaker-link')).click()
    await host.locator(testid('policy')).selectOption('everyone')
    const cleo = await (await browser.newContext({ locale: 'en-GB', permissions: ['microphone'] })).newPage()
    await expect
      .poll(
        async () => (await call<{ policy: string }>(`${odeon.url}/api/spaces/${space}`, 'GET')).body.policy,
      )
      .toBe('everyone')
    await cleo.goto(`${odeon.url}/s/${space}`)
    await cleo.locator(hand).click()
    await cleo.locator(testid('hand-name')).fill('Cleo')
    await cleo.locator(testid('hand-name-ok')).click()
    await onAir(cleo)
    await expect.poll(names).toEqual(['Ana', 'Cleo'])
  })
})
