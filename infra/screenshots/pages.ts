import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchListener, launchSpeaker } from '../e2e/chromium.ts'
import { call } from '../e2e/client.ts'
import { testid } from '../e2e/listener.ts'
import { joinBy, openSpace, sessionOf, shoot, speakerLink, talking, type Studio } from './studio.ts'

const WIDTHS = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } } as const
const SCHEMES = ['dark', 'light'] as const
type Width = keyof typeof WIDTHS

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

export interface PagesOptions {
  folder: string
  /** Every page in every theme and width. */
  all: boolean
}

/** The pages: the front, a space as those who listen and speak see it, a recording; with two people who talk, others who sit beside them, and an audience. */
export async function takePages(studio: Studio, { folder, all }: PagesOptions): Promise<void> {
  /** The page in the widths and themes that are wanted. */
  const picture = async (page: Page, name: string): Promise<void> => {
    for (const width of Object.keys(WIDTHS) as Width[])
      for (const scheme of SCHEMES) {
        const file = `${name}-${width}-${scheme}`
        if (all || KEPT.has(file))
          await shoot(page, { file: join(folder, `${file}.jpg`), size: WIDTHS[width], scheme })
      }
  }
  /** Of something that is half filled in; the page is as before then. */
  const form =
    (name: string) =>
    async (page: Page): Promise<void> => {
      if (!all) return
      await picture(page, name)
      await page.setViewportSize(WIDTHS.desktop)
    }

  const ana = await studio.open(await launchSpeaker(await studio.microphone('host-en', 6, 0, 4)))
  const ben = await studio.open(await launchSpeaker(await studio.microphone('guest-en', 4, 5.5, 0.5)))
  const listener = await launchListener()
  const cleo = await studio.open(listener)

  await cleo.goto(studio.url)
  await cleo.locator(testid('create-space')).waitFor()
  await picture(cleo, 'empty')

  // Something to hear again.
  const first = await openSpace(studio, ana, 'Ana Ferreira', 'Why old radio sounds so close', form('create'))
  await joinBy(ben, await speakerLink(ana, form('invite')), 'Ben Okafor', form('invited'))
  if (all) {
    await ana.locator(`${testid('seat')}[data-name="Ana Ferreira"]`).click()
    await picture(ana, 'face')
    await ana.keyboard.press('Escape')
    await ana.setViewportSize(WIDTHS.desktop)
  }
  for (const page of [ana, ben]) await studio.face(page, await sessionOf(page))
  await ana.waitForTimeout(26_000)
  await ana.locator(testid('end-space')).click()
  if (all) await picture(ana, 'end')
  await ana.locator(testid('confirm')).click()
  await ana.locator(testid('replay-play')).waitFor({ timeout: 30_000 })

  const host = await sessionOf(ana)
  for (const [title, hours] of [
    ['Reading aloud: letters from the lighthouse', 3],
    ['What the choir taught the engineers', 27],
  ] as const) {
    const scheduledFor = Math.ceil(Date.now() / 3600_000 + hours) * 3600_000
    const { body } = await call<{ id: string }>(
      `${studio.url}/api/spaces`,
      'POST',
      { title, scheduledFor },
      host.token,
    )
    if (all && hours === 3) {
      await cleo.goto(`${studio.url}/s/${body.id}`)
      await cleo.locator('[role=timer]').waitFor()
      await picture(cleo, 'scheduled')
    }
  }

  // An evening with people.
  const id = await openSpace(studio, ana, 'Ana Ferreira', 'An evening with voices')
  await joinBy(ben, await speakerLink(ana), 'Ben Okafor')
  const others = await Promise.all(
    ['Chloé Martin', 'Dmitri', 'Elif Kaya'].map((name) => studio.sit(ana, id, host, name)),
  )
  const empty = audience(studio.url, id, 140)
  await cleo.goto(`${studio.url}/s/${id}`)
  await cleo.locator(testid('listen')).waitFor()
  await cleo.waitForTimeout(6000)
  if (all) await picture(cleo, 'before')
  await cleo.locator(testid('listen')).click()
  await cleo.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
  await cleo.waitForTimeout(3000)
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

  const visitor = await studio.open(listener)
  await visitor.goto(studio.url)
  await visitor.locator(testid('live-card')).waitFor()
  await visitor.locator(testid('replay-card')).waitFor()
  await visitor.locator('.talk.lit').waitFor()
  await picture(visitor, 'front')
  if (all) {
    const french = await studio.open(listener, { locale: 'fr-FR' })
    await french.goto(`${studio.url}/s/${id}`)
    await french.locator(testid('listen')).waitFor()
    await picture(french, 'french')
    await french.goto(`${studio.url}/s/aaaaaaaaaa`)
    await french.waitForTimeout(800)
    await picture(french, 'missing')
  }

  await visitor.goto(`${studio.url}/s/${first}`)
  await visitor.locator(testid('replay-play')).click()
  await visitor.locator(`${testid('playback-state')}[data-state="playing"]`).waitFor()
  await visitor.locator(testid('replay-position')).fill('12')
  await talking(visitor)
  await picture(visitor, 'replay')
  empty()
  await Promise.all(others.map((leave) => leave()))
}

/** Readers of the live playlist, as many as that many listeners would be. */
function audience(url: string, space: string, listeners: number): () => void {
  const timer = setInterval(() => {
    void fetch(`${url}/live/${space}/aac/index.m3u8`)
      .then((response) => response.arrayBuffer())
      .catch(() => {})
  }, 2000 / listeners)
  return () => clearInterval(timer)
}
