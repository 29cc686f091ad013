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

interface Member {
  name: string
  role: string
  muted: string
}

/** The microphones that were opened, the newest last. */
declare const opened: MediaStream[]

/** Notes them two hundred times a second. */
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
  let eva: Page
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
    await ben.addInitScript(() => {
      const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      Object.assign(window, { opened: [] })
      navigator.mediaDevices.getUserMedia = async (asked) => {
        if (window.name) throw new DOMException('', window.name) // As a browser refuses.
        opened.push(await real(asked))
        return opened.at(-1)!
      }
    })
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
  const members = async (): Promise<Member[]> =>
    (await call<{ stage: { members: Member[] } | null }>(`${odeon.url}/api/spaces/${space}`, 'GET')).body
      .stage?.members ?? []
  const names = async (): Promise<string[]> => (await members()).map(({ name }) => name)
  const seatOf = (name: string) => host.locator(testid('seat')).filter({ hasText: name })
  const newPage = async (): Promise<Page> =>
    (await browser.newContext({ locale: 'en-GB', permissions: ['microphone'] })).newPage()
  const hand = testid('raise-hand')
  const tabTo = async (page: Page, id: string): Promise<void> => {
    await page.locator(testid(id)).first().waitFor()
    for (let pressed = 0; pressed < 60; pressed++) {
      if ((await page.evaluate(() => (document.activeElement as HTMLElement).dataset['testid'])) === id)
        return
      await page.keyboard.press('Tab')
    }
    throw new Error(`The keyboard does not reach ${id}.`)
  }
  const pressOn = async (page: Page, id: string): Promise<void> => {
    await tabTo(page, id)
    await page.keyboard.press('Enter')
  }

  test('a listener raises his hand while he listens, and lowers it again', { timeout: 60_000 }, async () => {
    await ben.locator(hand).click()
    await ben.locator(testid('your-name')).fill('Ben')
    await ben.locator(testid('your-name-ok')).click()
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
    'everyone sees that the space is recorded: on the front page, before he listens, listening and on stage, on a phone and on a desk',
    { timeout: 60_000 },
    async () => {
      const passer = await newPage()
      for (const [page, url] of [
        [passer, odeon.url],
        [passer, `${odeon.url}/s/${space}`],
        [ben, undefined],
        [host, undefined],
      ] as const) {
        if (url) await page.goto(url)
        const before = page.viewportSize()!
        for (const width of [320, 390, 1280]) {
          await page.setViewportSize({ width, height: 844 })
          const mark = page.locator(testid('recorded')).first()
          await mark.waitFor()
          const box = (await mark.boundingBox())!
          expect(await mark.innerText()).toContain('Recorded')
          expect(box.x >= 0 && box.x + box.width <= width && box.y < 844, `in sight at ${width}`).toBe(true)
        }
        await page.setViewportSize(before)
      }
      await passer.close()
    },
  )

  test(
    'the bar is a bar at every width, and nothing runs out at the side, in both languages',
    { timeout: 60_000 },
    async () => {
      for (const page of [ben, host]) {
        const before = page.viewportSize()!
        for (const language of ['fr', 'en']) {
          await page.locator('header select').selectOption(language)
          await page.locator(`html[lang="${language}"]`).waitFor()
          for (const width of [320, 390, 700, 780, 900, 993, 1280]) {
            await page.setViewportSize({ width, height: 844 })
            const { height } = (await page.locator('footer').boundingBox())!
            expect(height, `the bar at ${width}, ${language}`).toBeLessThan(240)
            const reach = await page.evaluate(() => document.documentElement.scrollWidth)
            expect(reach, `the page at ${width}, ${language}`).toBe(width)
          }
        }
        await page.setViewportSize(before)
      }
    },
  )

  test(
    'a hand stays up when its page is loaded anew, and all is ready again',
    { timeout: 60_000 },
    async () => {
      await ben.locator(hand).click()
      await host.locator(`${testid('hand')}[data-ready="true"]`).waitFor()
      await ben.reload()
      await ben.locator(`${hand}[aria-pressed="true"]`).waitFor()
      await ben.locator(`${testid('hand-note')}[data-state="ready"]`).waitFor()
      await host.locator(`${testid('hand')}[data-ready="true"]`).waitFor()
      await ben.locator(hand).click()
      await host.locator(testid('hand')).waitFor({ state: 'detached' })
      await ben.reload()
      await ben.locator(testid('listen')).click()
      await playing(ben)
      await ben.locator(`${hand}[aria-pressed="false"]`).waitFor()
    },
  )

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

  test('who talks while he is muted is told so, and may unmute there', { timeout: 60_000 }, async () => {
    await ben.locator(testid('mic')).click()
    await ben.locator(testid('mic-note')).getByText('you are muted').waitFor()
    await ben.locator(testid('unmute')).click()
    await onAir(ben)
    await ben.locator(testid('mic-note')).waitFor({ state: 'detached' })
  })

  test(
    'whom the host has locked can’t unmute himself until the host unlocks',
    { timeout: 60_000 },
    async () => {
      await seatOf('Ben').click()
      await host.locator(testid('lock')).click()
      const mic = ben.locator(`${testid('mic')}[data-state="muted-locked"]`)
      await mic.waitFor()
      await mic.click({ force: true }) // Pressed all the same: it says why not.
      await ben.keyboard.press('m')
      await expect
        .poll(async () => (await members())[1], { timeout: 10_000 })
        .toMatchObject({ muted: 'locked' })
      await mic.waitFor()
      await seatOf('Ben').click()
      await host.locator(testid('unmute')).click()
      await ben.locator(`${testid('mic')}[data-state="muted-host"]`).click()
      await onAir(ben)
    },
  )

  test(
    'moved to the audience he hears on; asked from there he says no, and asked again he comes back',
    { timeout: 60_000 },
    async () => {
      await seatOf('Ben').click()
      await host.locator(testid('move')).click()
      await playing(ben)
      await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana'])
      const asks = host.locator(`${testid('listener')}[data-name="Ben"] ${testid('invite-listener')}`)
      await host.locator(testid('audience')).click()
      await asks.click()
      await asks.waitFor({ state: 'detached' }) // “Asked.”
      await ben.locator(testid('invitation-no')).click()
      await ben.locator(testid('invitation')).waitFor({ state: 'detached' })
      await asks.click({ timeout: 10_000 }) // The host sees that he said no, and asks once more.
      await host.keyboard.press('Escape')
      await ben.locator(testid('invitation-yes')).click()
      await onAir(ben)
      await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana', 'Ben'])
    },
  )

  test(
    'a microphone that is pulled out is replaced, and he is told by which',
    { timeout: 60_000 },
    async () => {
      await ben.locator(testid('sound')).click()
      await ben.locator(`${testid('level')}[data-heard="true"]`).waitFor()
      const microphone = ben.locator(testid('microphone')).locator('select')
      await microphone.selectOption({ index: 2 })
      const chosen = await microphone.inputValue()
      await ben.locator(testid('hear-yourself')).click()
      await ben.locator(`${testid('own-voice')}[data-state="playing"]`).waitFor()
      await ben.locator(testid('hear-yourself')).click()
      const loudspeaker = ben.locator(testid('loudspeaker')).locator('select')
      await loudspeaker.selectOption({ index: 1 })
      const through = await loudspeaker.inputValue()
      await expect.poll(() => ben.evaluate(() => document.querySelector('audio')!.sinkId)).toBe(through)
      await loudspeaker.selectOption('')
      await expect.poll(() => ben.evaluate(() => document.querySelector('audio')!.sinkId)).toBe('')
      await ben.keyboard.press('Escape')
      await onAir(ben)
      await ben.evaluate(() => opened.at(-1)!.getAudioTracks()[0]!.dispatchEvent(new Event('ended')))
      await ben.locator(testid('mic-note')).waitFor()
      await onAir(ben)
      expect(await ben.evaluate(() => localStorage.getItem('odeon.microphone'))).toBe(chosen)
    },
  )

  test(
    'with no microphone left he hears on, is told why, and speaks again with the next one',
    { timeout: 60_000 },
    async () => {
      const missing = ben.locator(`${testid('mic')}[data-state="missing"]`)
      const pullOut = (why: string): Promise<void> =>
        ben.evaluate((why) => {
          window.name = why
          opened.at(-1)!.getAudioTracks()[0]!.dispatchEvent(new Event('ended'))
        }, why)
      await pullOut('NotFoundError')
      await missing.waitFor()
      const note = ben.locator(testid('mic-note'))
      await note.getByText('Plug one in').waitFor()
      await note.getByRole('button', { name: 'Close' }).click()
      await note.waitFor({ state: 'detached' })
      await missing.waitFor() // That he knows it makes it no better.
      await ben.evaluate(() => {
        window.name = ''
        navigator.mediaDevices.dispatchEvent(new Event('devicechange'))
      })
      await onAir(ben)
      await pullOut('NotAllowedError')
      await note.getByText('took your microphone away').waitFor()
      await missing.click() // Not allowed yet.
      await missing.waitFor()
      await ben.evaluate(() => (window.name = ''))
      await missing.click()
      await onAir(ben)
      await note.waitFor({ state: 'detached' })
    },
  )

  test('a co-host may let others in; a ban takes anybody off the stage', { timeout: 60_000 }, async () => {
    const seat = seatOf('Ben')
    await seat.click()
    await host.locator(testid('cohost')).click()
    await expect.poll(async () => (await members()).map(({ role }) => role)).toEqual(['host', 'cohost'])
    await seat.click()
    await host.locator(testid('ban')).click()
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana'])
    await ben
      .locator(testid('listen'))
      .or(ben.locator(testid('pause')))
      .first()
      .waitFor()
  })

  test('who was banned is let in again', { timeout: 60_000 }, async () => {
    await host.locator(testid('copy-speaker-link')).click()
    await host.locator(testid('bans')).locator('summary').click()
    await host
      .locator(`${testid('ban-entry')}[data-kind="banned"]`)
      .getByText('Banned:')
      .waitFor()
    await host.locator(testid('unban')).click()
    await host.locator(testid('ban-entry')).waitFor({ state: 'detached' })
    await host.keyboard.press('Escape')
  })

  test('a link for one lets one in; revoked, he is off the stage', { timeout: 60_000 }, async () => {
    await host.locator(testid('copy-speaker-link')).click()
    const field = host.locator(testid('speaker-link'))
    const before = await field.inputValue()
    await host.locator(testid('links')).locator('summary').click()
    await host.locator(testid('link-uses')).selectOption('1')
    await host.locator(testid('make-link')).click()
    await expect.poll(() => field.inputValue()).not.toBe(before)
    const link = await field.inputValue()
    const dora = await newPage()
    await dora.goto(link)
    await dora.locator(testid('name-input')).fill('Dora')
    await dora.locator(testid('join-stage')).click()
    await onAir(dora)
    const late = await newPage()
    await late.goto(link)
    await late.locator(testid('name-input')).fill('Emil')
    await late.locator(testid('join-stage')).click()
    await late.getByText('This speaker link does not work').waitFor()
    await late.close()
    await host
      .locator(`${testid('link')}[data-code="${link.split('=')[1]}"] ${testid('revoke-link')}`)
      .click()
    await host.keyboard.press('Escape')
    await playing(dora)
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana'])
    await dora.close()
  })

  test('asked, let in and heard without a mouse, on both pages', { timeout: 60_000 }, async () => {
    eva = await newPage()
    await eva.goto(`${odeon.url}/s/${space}`)
    await eva.locator(testid('listen')).waitFor()
    await eva.keyboard.press('l')
    await playing(eva)
    await pressOn(eva, 'raise-hand')
    await tabTo(eva, 'your-name')
    await eva.keyboard.type('Eva')
    await eva.keyboard.press('Enter')
    await eva.locator(`${testid('hand-note')}[data-state="ready"]`).waitFor()
    await pressOn(host, 'accept-hand')
    await onAir(eva)
    await eva.keyboard.press('m')
    await eva.locator(`${testid('mic')}[data-state="muted-self"]`).waitFor()
    await eva.keyboard.press('m')
    await onAir(eva)
    await expect.poll(names, { timeout: 10_000 }).toEqual(['Ana', 'Eva'])
  })

  test('the host mutes all, and hands the space over and gets it back', { timeout: 60_000 }, async () => {
    await host.locator(testid('copy-speaker-link')).click()
    await host.locator(testid('mute-all')).click()
    await host.keyboard.press('Escape')
    await eva.locator(`${testid('mic')}[data-state="muted-host"]`).click()
    await onAir(eva)
    await onAir(host)
    for (const [from, name, to] of [
      [host, 'Eva', eva],
      [eva, 'Ana', host],
    ] as const) {
      await from.locator(testid('seat')).filter({ hasText: name }).click()
      await from.locator(testid('hand-over')).click()
      await from.locator(testid('confirm')).click()
      await to.locator(testid('end-space')).waitFor()
      await from.locator(testid('end-space')).waitFor({ state: 'detached' })
    }
  })

  test(
    'a host who vanishes is replaced, and gets the space back when he returns',
    { timeout: 90_000 },
    async () => {
      const storageState = await host.context().storageState()
      await host.close()
      await eva.locator(testid('end-space')).waitFor({ timeout: 45_000 })
      host = await (
        await browser.newContext({ locale: 'en-GB', permissions: ['microphone'], storageState })
      ).newPage()
      await host.goto(`${odeon.url}/s/${space}`)
      await host.locator(testid('join-stage')).click()
      await onAir(host)
      await host.locator(testid('end-space')).waitFor()
      await eva.locator(testid('end-space')).waitFor({ state: 'detached' })
    },
  )

  test('who may speak is changed while it is live', { timeout: 60_000 }, async () => {
    await host.locator(testid('copy-speaker-link')).click()
    await host.locator(testid('policy')).selectOption('everyone')
    await host.keyboard.press('Escape')
    const cleo = await newPage()
    await expect
      .poll(
        async () => (await call<{ policy: string }>(`${odeon.url}/api/spaces/${space}`, 'GET')).body.policy,
      )
      .toBe('everyone')
    await cleo.goto(`${odeon.url}/s/${space}`)
    await cleo.locator(hand).click()
    await cleo.locator(testid('your-name')).fill('Cleo')
    await cleo.locator(testid('your-name-ok')).click()
    await onAir(cleo)
    await expect.poll(names).toContain('Cleo')
  })
})
