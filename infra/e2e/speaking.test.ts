import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM_HINT, findChromium, launchSpeaker } from './chromium.ts'
import { call } from './client.ts'
import { testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode, speech, writeWav } from './sound.ts'

/** A speaker's page when things go wrong around it. */

interface SpaceView {
  state: string
  stage: { members: { name: string; muted: string }[]; talking: string[] } | null
}

describe.skipIf(!findChromium())(`speaking${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let browser: Browser
  let folder: string
  let page: Page
  let space: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-speaking-'))
    writeWav(join(folder, 'mic.wav'), await decode(speech('engineer-en'), 48_000), 48_000)
    odeon = await startOdeonProcess()
    browser = await launchSpeaker(join(folder, 'mic.wav'))
    page = await browser.newPage({ locale: 'en-GB' })
    await page.goto(odeon.url)
    await page.locator(testid('create-space')).first().click()
    await page.locator(testid('name-input')).fill('Ana')
    await page.locator(testid('title-input')).fill('Through thick and thin')
    await page.locator(testid('create-space')).last().click()
    await page.waitForURL(/\/s\/[a-z0-9]+/)
    space = /\/s\/([a-z0-9]+)/.exec(page.url())![1]!
    await live()
  })
  afterAll(async () => {
    await browser?.close()
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const live = () => page.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
  const view = async (): Promise<SpaceView> =>
    (await call<SpaceView>(`${odeon.url}/api/spaces/${space}`, 'GET')).body
  const names = async (): Promise<string[]> => (await view()).stage?.members.map(({ name }) => name) ?? []
  const talks = () =>
    expect.poll(async () => (await view()).stage?.talking.length, { timeout: 30_000 }).toBe(1)

  test('muting is seen and heard by all, and so is unmuting', { timeout: 60_000 }, async () => {
    await talks()
    await page.locator(testid('mic')).click()
    await page.locator(`${testid('mic')}[data-state="muted-self"]`).waitFor()
    await expect.poll(async () => (await view()).stage?.members[0]?.muted).toBe('self')
    await expect.poll(async () => (await view()).stage?.talking).toEqual([])
    await page.locator(testid('mic')).click()
    await live()
    await talks()
  })

  test('a reload comes back to the same seat', { timeout: 60_000 }, async () => {
    await page.reload()
    const join = page.locator(testid('join-stage'))
    await join
      .or(page.locator(`${testid('mic')}[data-state="live"]`))
      .first()
      .waitFor()
    if (await join.count()) await join.click()
    await live()
    await talks()
    expect(await names()).toEqual(['Ana'])
  })

  test(
    'ten seconds without the server: the page dials again by itself, and the voice is back',
    { timeout: 90_000 },
    async () => {
      odeon.child.kill('SIGSTOP')
      await page.waitForTimeout(10_000) // The length of the outage is what is tested.
      odeon.child.kill('SIGCONT')
      await expect.poll(names, { timeout: 30_000 }).toEqual(['Ana'])
      await live()
      await talks()
      expect((await view()).state).toBe('live')
    },
  )

  test(
    'music is chosen on stage: the microphone is left alone, and the seat is kept',
    { timeout: 60_000 },
    async () => {
      await page.evaluate(() => {
        const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
        navigator.mediaDevices.getUserMedia = (asked) => {
          Object.assign(window, { asked })
          return real(asked)
        }
      })
      const dialled = page.waitForRequest((request) => request.url().endsWith('/whip?sound=music'))
      await page.locator(testid('sound')).click()
      await page.getByText('Music', { exact: true }).click()
      const offer = (await dialled).postData()
      expect(offer).toMatch(/a=fmtp:111 .*stereo=1/)
      expect(await page.evaluate(() => (window as unknown as { asked: unknown }).asked)).toEqual({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 2 },
      })
      await page.keyboard.press('Escape')
      await live()
      await talks()
      expect(await names()).toEqual(['Ana'])
      await page.reload()
      const join = page.locator(testid('join-stage'))
      await join.click()
      await live()
      await page.locator(testid('sound')).click()
      expect(await page.locator(testid('sound-music')).isChecked(), 'a reload goes on with it').toBe(true)
      await page.keyboard.press('Escape')
    },
  )

  test('who leaves the stage is gone at once', { timeout: 60_000 }, async () => {
    await page.locator(testid('leave-stage')).click()
    await expect.poll(names).toEqual([])
  })
})
