import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { goOnStage, newSpeaker, type Guest } from '../e2e/client.ts'
import { CHROMIUM_HINT, findChromium } from '../e2e/chromium.ts'
import { testid } from '../e2e/listener.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { decode, speech, writeWav } from '../e2e/sound.ts'
import { portrait, type Sitter } from '../portrait.ts'

/** Not everybody shows a picture. */
const SITTERS: Record<string, Sitter> = {
  'Ana Ferreira': { wall: '#5d8fc4', skin: '#d8a27c', hair: '#3f2415', shirt: '#2f8a63' },
  'Ben Okafor': { wall: '#7fae8d', skin: '#7b4c31', hair: '#1a1310', shirt: '#c4473a' },
  'Chloé Martin': { wall: '#b08ac0', skin: '#f0c9ac', hair: '#b4662a', shirt: '#2a4a78' },
}

/** 20 ms of Opus in which nothing is heard. */
const SILENCE = new Uint8Array([0xf8, 0xff, 0xfe])
const MIC_RATE = 48_000
/** Where pictures are taken: an Odeon, browsers, and people who sit for them. */
export interface Studio {
  readonly url: string
  /** A new page of a browser, which is closed with the studio. */
  open(browser: Browser, options?: BrowserContextOptions): Promise<Page>
  /** A WAV of somebody who waits `before`, talks for `talk`, and pauses, all in s. */
  microphone(name: string, talk: number, before: number, pause: number): Promise<string>
  /** Gives somebody his picture, if he has one; `page` draws it. */
  face(page: Page, guest: Guest): Promise<void>
  /** Somebody with a speaker link who sits on stage and says nothing, until the studio closes or he is called away. */
  sit(page: Page, space: string, host: Guest, name: string): Promise<() => Promise<void>>
  close(): Promise<void>
}

export async function openStudio(): Promise<Studio> {
  if (!findChromium()) throw new Error(CHROMIUM_HINT)
  const temporary = mkdtempSync(join(tmpdir(), 'odeon-pictures-'))
  const odeon = await startOdeonProcess()
  const browsers = new Set<Browser>()
  const sitting = new Set<() => Promise<void>>()

  const face: Studio['face'] = async (page, { token, user }) => {
    const sitter = SITTERS[user.name]
    if (!sitter) return
    const { ok, status } = await fetch(`${odeon.url}/api/me/face`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'image/png' },
      body: new Uint8Array(await portrait(page, sitter)),
    })
    if (!ok) throw new Error(`the picture of ${user.name} was refused with ${status}`)
  }

  return {
    url: odeon.url,
    face,
    async open(browser, options = {}) {
      browsers.add(browser)
      const viewport = { width: 1280, height: 800 }
      const context = await browser.newContext({ viewport, locale: 'en-GB', ...options })
      return context.newPage()
    },
    async microphone(name, talk, before, pause) {
      const voice = (await decode(speech(name), MIC_RATE)).subarray(MIC_RATE / 2)
      const pcm = new Float32Array(Math.round((before + talk + pause) * MIC_RATE))
      pcm.set(voice.subarray(0, talk * MIC_RATE), before * MIC_RATE)
      const file = join(temporary, `${name}.wav`)
      writeWav(file, pcm, MIC_RATE)
      return file
    },
    async sit(page, space, host, name) {
      const guest = await newSpeaker(odeon.url, space, host, name)
      await face(page, guest)
      const speaker = await goOnStage(odeon.url, space, guest.token)
      const beat = setInterval(() => speaker.send(SILENCE), 20)
      const leave = async (): Promise<void> => {
        if (!sitting.delete(leave)) return
        clearInterval(beat)
        await speaker.close()
      }
      sitting.add(leave)
      return leave
    },
    async close() {
      await Promise.allSettled([...sitting].map((leave) => leave()))
      await Promise.allSettled([...browsers].map((browser) => browser.close()))
      await odeon.remove()
      rmSync(temporary, { recursive: true, force: true })
    },
  }
}

export interface Shot {
  file: string
  size: { width: number; height: number }
  scheme: 'dark' | 'light'
}

export async function shoot(page: Page, { file, size, scheme }: Shot): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  await page.setViewportSize(size)
  await page.emulateMedia({ colorScheme: scheme })
  await page.mouse.move(0, 0)
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur()) // Nothing is about to be pressed.
  await page.evaluate(() => document.fonts.ready)
  await page.waitForTimeout(400) // Transitions end.
  await page.screenshot({ path: file, type: 'jpeg', quality: 88, animations: 'allow' })
  console.log(`  ${basename(file)}`)
}

/** Called with a form that is open and filled in. */
type Look = (page: Page) => Promise<void>

/** Opens a space and goes on its stage; answers its id. */
export async function openSpace(
  { url }: Studio,
  page: Page,
  name: string,
  title: string,
  look?: Look,
): Promise<string> {
  await page.goto(url)
  await page.locator(testid('create-space')).first().click()
  await page.locator(testid('name-input')).fill(name)
  await page.locator(testid('title-input')).fill(title)
  await look?.(page)
  await page.locator(testid('create-space')).last().click()
  await onAir(page)
  return /\/s\/([a-z0-9]+)/.exec(page.url())![1]!
}

export async function speakerLink(page: Page, look?: Look): Promise<string> {
  await page.locator(testid('copy-speaker-link')).click()
  const link = await page.locator(testid('speaker-link')).inputValue()
  await look?.(page)
  await page.keyboard.press('Escape')
  return link
}

export async function joinBy(page: Page, link: string, name: string, look?: Look): Promise<void> {
  await page.goto(link)
  await page.locator(testid('name-input')).fill(name)
  await look?.(page)
  await page.locator(testid('join-stage')).click()
  await onAir(page)
}

export const onAir = (page: Page): Promise<void> =>
  page.locator(`${testid('mic')}[data-state="live"]`).waitFor()

export const talking = (page: Page): Promise<void> =>
  page
    .locator(`${testid('seat')}[data-talking="true"]`)
    .first()
    .waitFor()

export const sessionOf = (page: Page): Promise<Guest> =>
  page.evaluate(() => JSON.parse(localStorage.getItem('odeon.session')!) as Guest)
