import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pictureOf } from '@odeon/api/control/testing/pictures.ts'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM_HINT, findChromium, launchSpeaker } from './chromium.ts'
import { playing, testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode, speech, writeWav } from './sound.ts'

/** Faces, on the pages of one who is on stage and of one who listens. */

describe.skipIf(!findChromium())(`faces${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let browser: Browser
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-faces-'))
    writeWav(join(folder, 'mic.wav'), await decode(speech('engineer-en'), 48_000), 48_000)
    odeon = await startOdeonProcess()
    browser = await launchSpeaker(join(folder, 'mic.wav'))
  })
  afterAll(async () => {
    await browser?.close()
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const open = async (): Promise<Page> =>
    (await browser.newContext({ locale: 'en-GB', permissions: ['microphone'] })).newPage()
  /** Pixels across, of the picture on his seat; 0 while there is none. */
  const picture = (page: Page): Promise<number> =>
    page
      .locator(testid('seat'))
      .filter({ hasText: 'Ana' })
      .evaluate((seat) => {
        const image = seat.querySelector('img')
        return image?.complete ? image.naturalWidth : 0
      })

  test(
    'who presses his own seat chooses a picture, and listeners see it there until he takes it away; the replay shows the last one',
    { timeout: 90_000 },
    async () => {
      const ana = await open()
      await ana.goto(odeon.url)
      await ana.locator(testid('create-space')).first().click()
      await ana.locator(testid('name-input')).fill('Ana')
      await ana.locator(testid('title-input')).fill('Faces')
      await ana.locator(testid('create-space')).last().click()
      await ana.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
      const ben = await open()
      await ben.goto(ana.url())
      await ben.locator(testid('listen')).click()
      await playing(ben)

      const seat = ana.locator(testid('seat')).filter({ hasText: 'Ana' })
      await seat.click()
      await ana
        .locator(testid('face-file'))
        .setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
      await ana.getByRole('alert').waitFor()
      await ana
        .locator(testid('face-file'))
        .setInputFiles({ name: 'ana.png', mimeType: 'image/png', buffer: await pictureOf('png', 3000) })
      await ana.locator(testid('face-preview')).waitFor()
      await ana.locator(testid('show-face')).click()
      await ana.locator(testid('face-file')).waitFor({ state: 'detached' })
      await expect.poll(() => picture(ana), { timeout: 10_000 }).toBe(256)
      await expect.poll(() => picture(ben), { timeout: 10_000 }).toBe(256)

      await seat.click()
      await ana.locator(testid('remove-face')).click()
      await expect.poll(() => picture(ben), { timeout: 10_000 }).toBe(0)

      await seat.click()
      const again = { name: 'ana.webp', mimeType: 'image/webp', buffer: await pictureOf('webp', 400) }
      await ana.locator(testid('face-file')).setInputFiles(again)
      await ana.locator(testid('show-face')).click()
      await expect.poll(() => picture(ben), { timeout: 10_000 }).toBe(256)
      await ana.locator(testid('end-space')).click()
      await ana.locator(testid('confirm')).click()
      await ben.locator(testid('replay-play')).waitFor({ timeout: 20_000 })
      await expect.poll(() => picture(ben), { timeout: 10_000 }).toBe(256)
    },
  )
})
