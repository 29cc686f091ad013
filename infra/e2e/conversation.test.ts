import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlacedPost } from '@odeon/common/posts.ts'
import { FRAME_MS } from '@odeon/common/time.ts'
import { CHROMIUM_HINT, findChromium, launchSpeaker } from './chromium.ts'
import { call } from './client.ts'
import { playing, testid } from './listener.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { decode, speech, writeWav } from './sound.ts'
import { until } from './until.ts'

/** What people write and press while others talk, on the pages of a host, of a listener who is near, and of one who hears it late. */

/** How far the moment at which something is shown may be from the sound it belongs to; how near the two really are `events.test.ts` measures. */
const WITHIN_MS = 400

interface Shown {
  /** Epoch ms. */
  at: number
  /** Behind the stage then, ms. */
  delay: number
}

/** Notes when each post and emoji is first seen, and how late the sound is then. */
const watchTalk = (page: Page): Promise<void> =>
  page.evaluate(
    ([post, rising, delay]) => {
      const shown: Record<string, Shown> = {}
      const look = (): void => {
        const texts = [...document.querySelectorAll(`${post} .text, ${rising} .flyer`)]
        for (const { textContent } of texts)
          shown[textContent.trim()] ??= {
            at: performance.timeOrigin + performance.now(),
            delay: 1000 * Number(document.querySelector<HTMLElement>(delay)?.dataset['seconds'] || NaN),
          }
      }
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true })
      Object.assign(window, { shown })
    },
    [testid('post'), testid('rising'), testid('delay')] as const,
  )
async function shown(page: Page, text: string): Promise<Shown> {
  const found = (): Promise<Shown | undefined> =>
    page.evaluate((of) => {
      const all = (window as unknown as { shown: Record<string, Shown> }).shown
      return Object.entries(all).find(([seen]) => seen.startsWith(of))?.[1]
    }, text)
  await expect.poll(found, { timeout: 20_000 }).toBeDefined()
  return (await found())!
}

describe.skipIf(!findChromium())(`the conversation${findChromium() ? '' : ` (${CHROMIUM_HINT})`}`, () => {
  let odeon: OdeonProcess
  let browser: Browser
  let slow: Proxy
  let folder: string
  let host: Page
  let near: Page
  let late: Page
  let space: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odeon-conversation-'))
    writeWav(join(folder, 'mic.wav'), await decode(speech('engineer-en'), 48_000), 48_000)
    odeon = await startOdeonProcess()
    slow = await startProxy(odeon.port)
    slow.buffering = true
    browser = await launchSpeaker(join(folder, 'mic.wav'))
    host = await browser.newPage({ locale: 'en-GB' })
    await host.goto(odeon.url)
    await host.locator(testid('create-space')).first().click()
    await host.locator(testid('name-input')).fill('Ana')
    await host.locator(testid('title-input')).fill('In writing')
    await host.locator(testid('create-space')).last().click()
    await host.waitForURL(/\/s\/[a-z0-9]+/)
    space = /\/s\/([a-z0-9]+)/.exec(host.url())![1]!
    await host.locator(`${testid('mic')}[data-state="live"]`).waitFor({ timeout: 30_000 })
    near = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    late = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    await near.goto(`${odeon.url}/s/${space}`)
    await late.goto(`${slow.url}/s/${space}`)
    for (const page of [near, late]) {
      await page.locator(testid('listen')).click()
      await playing(page)
    }
    await until('it is heard late', () => slow.requests.some((url) => url.includes('_HLS_part')))
    await playing(late)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await slow?.close()
    await odeon?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const view = async (): Promise<{ startedAt: number; posts: PlacedPost[]; pin: PlacedPost | null }> =>
    (
      await call<{ startedAt: number; posts: PlacedPost[]; pin: PlacedPost | null }>(
        `${odeon.url}/api/spaces/${space}`,
        'GET',
      )
    ).body
  const open = (page: Page): Promise<void> => page.locator(testid('posts')).click()
  const write = async (page: Page, text: string): Promise<void> => {
    await page.locator(testid('post-text')).fill(text)
    await page.locator(testid('post-text')).press('Enter')
  }
  const post = (page: Page, text: string) => page.locator(testid('post')).filter({ hasText: text })

  test(
    'a listener writes; everyone reads it with the sound it belongs to, the host at once, who hears it late later',
    { timeout: 60_000 },
    async () => {
      for (const page of [host, near, late]) await open(page)
      await watchTalk(late)
      await write(near, 'Is <b>this</b> https://example.org/?')
      await near.locator(testid('your-name')).fill('Ben')
      await near.locator(testid('your-name-ok')).click()
      await post(host, 'Is <b>this</b>').waitFor()
      await post(near, 'Is <b>this</b>').waitFor()
      const link = post(late, 'Is <b>this</b>').locator('a')
      await link.waitFor()
      expect(await link.getAttribute('href')).toBe('https://example.org/')
      expect(await link.getAttribute('rel')).toContain('noopener')

      const { at, delay } = await shown(late, 'Is <b>this</b>')
      const { startedAt, posts } = await view()
      const said = startedAt + posts.at(-1)!.frame * FRAME_MS
      expect(delay).toBeGreaterThan(700)
      expect(Math.abs(at - said - delay)).toBeLessThan(WITHIN_MS)
    },
  )

  test('the host pins it, and takes it away', { timeout: 60_000 }, async () => {
    await post(host, 'Is <b>this</b>').locator(testid('pin-post')).click()
    for (const page of [host, near, late])
      await page.locator(testid('pinned')).getByText('Is <b>this</b>').waitFor()
    await post(host, 'Is <b>this</b>').locator(testid('remove-post')).click()
    for (const page of [host, near, late]) {
      await page.locator(testid('post')).waitFor({ state: 'detached' })
      await page.locator(testid('pinned')).waitFor({ state: 'detached' })
    }
  })

  test('reactions need no name, and rise with the sound they belong to', { timeout: 60_000 }, async () => {
    await late.locator(testid('react')).click()
    const before = Date.now()
    for (let n = 0; n < 3; n++) await late.locator(testid('react-1')).click()
    for (const page of [host, near, late])
      await page.locator(testid('rising')).getByText('👏').first().waitFor()
    const { at, delay } = await shown(late, '👏')
    expect(at - before).toBeGreaterThan(delay - WITHIN_MS)
  })

  test('what was reported, the host is told', { timeout: 60_000 }, async () => {
    await write(host, 'Welcome')
    await post(near, 'Welcome').locator(testid('report-post')).click()
    await near.locator(testid('block')).click()
    await post(near, 'Welcome').waitFor({ state: 'detached' }) // For Ben alone.
    await post(late, 'Welcome').waitFor()
    await near.locator(testid('block')).click()
    await post(near, 'Welcome').waitFor()
    await near.locator(testid('report-why')).fill('Not welcome at all')
    await near.locator(testid('report-send')).click()
    await near.getByText('Your report is there').first().waitFor()
    await near.keyboard.press('Escape')
    await late.locator(testid('seat')).click() // Somebody without a name reports somebody on stage.
    await late.locator(testid('report-why')).fill('Too loud')
    await late.locator(testid('report-send')).click()
    await late.getByText('Your report is there').first().waitFor()
    await host.locator(testid('copy-speaker-link')).click()
    await expect
      .poll(() => host.locator(testid('report')).allInnerTexts(), { timeout: 10_000 })
      .toHaveLength(2)
    const [second, first] = await host.locator(testid('report')).allInnerTexts()
    expect(first).toMatch(/Ben reported what Ana wrote[^]*Welcome[^]*Not welcome at all/)
    expect(second).toMatch(/reported Ana[^]*Too loud/)
    await host.keyboard.press('Escape')
    await write(near, 'Goodbye')
    await post(host, 'Goodbye').waitFor()
  })

  test('it is all there again in the replay, when its sound comes', { timeout: 90_000 }, async () => {
    await host.locator(testid('end-space')).click()
    await host.locator(testid('confirm')).click()
    await near.locator(testid('replay-play')).waitFor({ timeout: 60_000 })
    await open(near)
    expect(await near.locator(testid('post')).count()).toBe(0)
    await near.locator(testid('replay-play')).click()
    await playing(near)
    await near.getByRole('slider').first().press('End')
    await near.locator(testid('replay-play')).click()
    await post(near, 'Welcome').waitFor()
    expect(await post(near, 'Is <b>this</b>').count()).toBe(0)
    expect(await near.locator(testid('remove-post')).count()).toBe(0)
  })

  test(
    'afterwards its host takes posts out of it, also one that was reported: who opens it then does not see them',
    { timeout: 60_000 },
    async () => {
      await open(host)
      await host.locator(testid('replay-play')).click()
      await playing(host)
      await host.getByRole('slider').first().press('End') // Half a second before it, and on: it was said with the last words.
      await post(host, 'Goodbye').locator(testid('remove-post')).click()
      await post(host, 'Goodbye').waitFor({ state: 'detached' })
      await host.locator(testid('report')).getByText('Welcome', { exact: true }).waitFor()
      await host.locator(testid('remove-reported')).click()
      await post(host, 'Welcome').waitFor({ state: 'detached' })
      await host.locator(testid('remove-reported')).waitFor({ state: 'detached' })
      const archive = async (): Promise<string> =>
        (await fetch(`${odeon.url}/replay/${space}/archive.json`)).text()
      await expect.poll(archive, { timeout: 20_000 }).not.toMatch(/Welcome|Goodbye/)
      const later = await (await browser.newContext({ locale: 'en-GB' })).newPage()
      await later.goto(`${odeon.url}/s/${space}`)
      await later.locator('#spoke').waitFor()
      expect(await later.locator(testid('posts')).count()).toBe(0) // Nothing was written in it.
    },
  )
})
