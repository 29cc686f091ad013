import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { call, goOnStage, newGuest, type Guest } from './e2e/client.ts'
import { CHROMIUM_HINT, findChromium, launchListener, launchSpeaker } from './e2e/chromium.ts'
import { startOdeonProcess } from './e2e/odeon-process.ts'
import { decode, speech, writeWav } from './e2e/sound.ts'
import { portrait, type Sitter } from './portrait.ts'

/**
 * `node infra/screenshots.ts [folder]`: pictures of the pages as they really are, with two people who talk in real browsers, others who
 * sit beside them, and an audience. Into `docs/screenshots`, if no folder is given; `--all` takes every page in every theme and width.
 */

const WIDTHS = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } } as const
const SCHEMES = ['dark', 'light'] as const
type Width = keyof typeof WIDTHS
type Scheme = (typeof SCHEMES)[number]

/** What goes into the documentation. */
const KEPT = new Set([
  'empty-desktop-dark',
  'front-desktop-light',
  'front-phone-dark',
  'listening-desktop-dark',
  'listening-phone-light',
  'on-stage-desktop-light',
  'on-stage-phone-dark',
  'replay-desktop-dark',
  'replay-phone-light',
])

/** Not everybody shows a picture. */
const SITTERS: Record<string, Sitter> = {
  'Ana Ferreira': { wall: '#5d8fc4', skin: '#d8a27c', hair: '#3f2415', shirt: '#2f8a63' },
  'Ben Okafor': { wall: '#7fae8d', skin: '#7b4c31', hair: '#1a1310', shirt: '#c4473a' },
  'Chloé Martin': { wall: '#b08ac0', skin: '#f0c9ac', hair: '#b4662a', shirt: '#2a4a78' },
}

/** 20 ms of Opus in which nothing is heard. */
const SILENCE = new Uint8Array([0xf8, 0xff, 0xfe])
const MIC_RATE = 48_000
const testid = (id: string): string => `[data-testid="${id}"]`

const all = process.argv.includes('--all')
const folder =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ??
  fileURLToPath(new URL('../docs/screenshots', import.meta.url))

if (!findChromium()) throw new Error(CHROMIUM_HINT)
mkdirSync(folder, { recursive: true })
const temporary = mkdtempSync(join(tmpdir(), 'odeon-pictures-'))
const odeon = await startOdeonProcess()
const browsers: Browser[] = []

async function microphone(name: string, talk: number, before: number, pause: number): Promise<string> {
  const voice = (await decode(speech(name), MIC_RATE)).subarray(MIC_RATE / 2)
  const pcm = new Float32Array(Math.round((before + talk + pause) * MIC_RATE))
  pcm.set(voice.subarray(0, talk * MIC_RATE), before * MIC_RATE)
  const file = join(temporary, `${name}.wav`)
  writeWav(file, pcm, MIC_RATE)
  return file
}

async function open(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  browsers.push(browser)
  const context = await browser.newContext({ viewport: WIDTHS.desktop, locale: 'en-GB', ...options })
  return context.newPage()
}

/** The page in the widths and themes that are wanted. */
async function picture(page: Page, name: string): Promise<void> {
  for (const width of Object.keys(WIDTHS) as Width[])
    for (const scheme of SCHEMES) await one(page, name, width, scheme)
}

async function one(page: Page, name: string, width: Width, scheme: Scheme): Promise<void> {
  const file = `${name}-${width}-${scheme}`
  if (!all && !KEPT.has(file)) return
  await page.setViewportSize(WIDTHS[width])
  await page.emulateMedia({ colorScheme: scheme })
  await page.evaluate(() => document.fonts.ready)
  await page.waitForTimeout(400) // Transitions end.
  await page.screenshot({ path: join(folder, `${file}.jpg`), type: 'jpeg', quality: 88, animations: 'allow' })
  console.log(`  ${file}.jpg`)
}

/** Somebody with a speaker link who sits on stage and says nothing. */
async function sit(page: Page, space: string, host: Guest, name: string): Promise<() => Promise<void>> {
  const guest = await newGuest(odeon.url, name)
  await face(page, guest)
  const { body: invite } = await call<{ code: string }>(
    `${odeon.url}/api/spaces/${space}/invites`,
    'POST',
    { role: 'speaker' },
    host.token,
  )
  await call(`${odeon.url}/api/spaces/${space}/speakers`, 'POST', { invite: invite.code }, guest.token)
  const speaker = await goOnStage(odeon.url, space, guest.token)
  const beat = setInterval(() => speaker.send(SILENCE), 20)
  return () => {
    clearInterval(beat)
    return speaker.close()
  }
}

/** Gives somebody his picture, if he has one; `page` draws it. */
async function face(page: Page, { token, user }: Guest): Promise<void> {
  const sitter = SITTERS[user.name]
  if (!sitter) return
  const { ok, status } = await fetch(`${odeon.url}/api/me/face`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'image/png' },
    body: new Uint8Array(await portrait(page, sitter)),
  })
  if (!ok) throw new Error(`the picture of ${user.name} was refused with ${status}`)
}

/** Readers of the live playlist, as many as that many listeners would be. */
function audience(space: string, listeners: number): () => void {
  const timer = setInterval(() => {
    void fetch(`${odeon.url}/live/${space}/aac/index.m3u8`)
      .then((response) => response.arrayBuffer())
      .catch(() => {})
  }, 2000 / listeners)
  return () => clearInterval(timer)
}

async function openSpace(page: Page, name: string, title: string): Promise<string> {
  await page.goto(odeon.url)
  await page.locator(testid('create-space')).first().click()
  await page.locator(testid('name-input')).fill(name)
  await page.locator(testid('title-input')).fill(title)
  if (all) await picture(page, 'create')
  await page.setViewportSize(WIDTHS.desktop)
  await page.locator(testid('create-space')).last().click()
  await page.locator(`${testid('mic')}[data-state="live"]`).waitFor()
  return /\/s\/([a-z0-9]+)/.exec(page.url())![1]!
}

const sessionOf = (page: Page): Promise<Guest> =>
  page.evaluate(() => JSON.parse(localStorage.getItem('odeon.session')!) as Guest)

const speakerLink = async (page: Page): Promise<string> => {
  await page.locator(testid('copy-speaker-link')).click()
  const link = await page.locator(testid('speaker-link')).inputValue()
  if (all) await picture(page, 'invite')
  await page.setViewportSize(WIDTHS.desktop)
  await page.keyboard.press('Escape')
  return link
}

async function joinBy(page: Page, link: string, name: string): Promise<void> {
  await page.goto(link)
  await page.locator(testid('name-input')).fill(name)
  if (all) await picture(page, 'invited')
  await page.locator(testid('join-stage')).click()
  await page.locator(`${testid('mic')}[data-state="live"]`).waitFor()
}

try {
  const ana = await open(await launchSpeaker(await microphone('host-en', 6, 0, 4)))
  const ben = await open(await launchSpeaker(await microphone('guest-en', 4, 5.5, 0.5)))
  const cleo = await open(await launchListener())

  await cleo.goto(odeon.url)
  await cleo.locator(testid('create-space')).waitFor()
  await picture(cleo, 'empty')

  // Something to hear again.
  const first = await openSpace(ana, 'Ana Ferreira', 'Why old radio sounds so close')
  await joinBy(ben, await speakerLink(ana), 'Ben Okafor')
  if (all) {
    await ana.locator(`${testid('seat')}[data-name="Ana Ferreira"]`).click()
    await picture(ana, 'face')
    await ana.keyboard.press('Escape')
    await ana.setViewportSize(WIDTHS.desktop)
  }
  for (const page of [ana, ben]) await face(page, await sessionOf(page))
  await ana.waitForTimeout(26_000)
  if (all) {
    await ana.locator(testid('end-space')).click()
    await picture(ana, 'end')
    await ana.locator(testid('confirm')).click()
  } else {
    await ana.locator(testid('end-space')).click()
    await ana.locator(testid('confirm')).click()
  }
  await ana.locator(testid('replay-play')).waitFor({ timeout: 30_000 })

  const host = await sessionOf(ana)
  for (const [title, hours] of [
    ['Reading aloud: letters from the lighthouse', 3],
    ['What the choir taught the engineers', 27],
  ] as const) {
    const scheduledFor = Math.ceil(Date.now() / 3600_000 + hours) * 3600_000
    const { body } = await call<{ id: string }>(
      `${odeon.url}/api/spaces`,
      'POST',
      { title, scheduledFor },
      host.token,
    )
    if (all && hours === 3) {
      await cleo.goto(`${odeon.url}/s/${body.id}`)
      await cleo.locator('[role=timer]').waitFor()
      await picture(cleo, 'scheduled')
    }
  }

  // An evening with people.
  const id = await openSpace(ana, 'Ana Ferreira', 'An evening with voices')
  await joinBy(ben, await speakerLink(ana), 'Ben Okafor')
  const others = await Promise.all(
    ['Chloé Martin', 'Dmitri', 'Elif Kaya'].map((name) => sit(ana, id, host, name)),
  )
  const empty = audience(id, 140)
  await cleo.goto(`${odeon.url}/s/${id}`)
  await cleo.locator(testid('listen')).waitFor()
  await cleo.waitForTimeout(6000)
  if (all) await picture(cleo, 'before')
  await cleo.locator(testid('listen')).click()
  await cleo.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
  await cleo.waitForTimeout(3000)
  const talking = (page: Page): Promise<void> =>
    page
      .locator(`${testid('seat')}[data-talking="true"]`)
      .first()
      .waitFor()
  await talking(cleo)
  await picture(cleo, 'listening')
  await talking(ana)
  await picture(ana, 'on-stage')
  if (all) {
    await ben.locator(testid('sound')).click()
    await picture(ben, 'sound')
    await ben.keyboard.press('Escape')
    await ben.locator(testid('mic')).click()
    await ben.locator(`${testid('mic')}[data-state="muted-self"]`).waitFor()
    await picture(ben, 'muted')
    await ana.setViewportSize(WIDTHS.desktop)
    await ana.locator(`${testid('seat')}[data-name="Ben Okafor"]`).click()
    await picture(ana, 'seat')
    await ana.keyboard.press('Escape')
    await ana.keyboard.press('?')
    await picture(ana, 'keys')
    await ana.keyboard.press('Escape')
    await ben.locator(testid('mic')).click()
  }

  const visitor = await open(browsers[2]!)
  await visitor.goto(odeon.url)
  await visitor.locator(testid('live-card')).waitFor()
  await visitor.locator(testid('replay-card')).waitFor()
  await visitor.locator('.talk.lit').waitFor()
  await picture(visitor, 'front')
  if (all) {
    const french = await open(browsers[2]!, { locale: 'fr-FR' })
    await french.goto(`${odeon.url}/s/${id}`)
    await french.locator(testid('listen')).waitFor()
    await picture(french, 'french')
    await french.goto(`${odeon.url}/s/aaaaaaaaaa`)
    await french.waitForTimeout(800)
    await picture(french, 'missing')
  }

  await visitor.goto(`${odeon.url}/s/${first}`)
  await visitor.locator(testid('replay-play')).click()
  await visitor.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
  await visitor.locator(testid('replay-position')).fill('12')
  await talking(visitor)
  await picture(visitor, 'replay')
  empty()
  await Promise.all(others.map((leave) => leave()))
} finally {
  await Promise.allSettled(browsers.map((browser) => browser.close()))
  await odeon.remove()
  rmSync(temporary, { recursive: true, force: true })
}
