import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchSpeaker } from '../e2e/chromium.ts'
import { call, newGuest } from '../e2e/client.ts'
import { playing, testid } from '../e2e/listener.ts'
import { joinBy, onAir, openSpace, sessionOf, shoot, speakerLink, talking, type Studio } from './studio.ts'

const WIDTHS = [
  { on: 'phone', size: { width: 390, height: 844 }, scheme: 'dark' },
  { on: 'desktop', size: { width: 1280, height: 800 }, scheme: 'light' },
] as const

const POSTS = [
  ['Dara', 'Hello from Lyon!'],
  ['Emil', 'The drawings are at https://example.org/bridges?year=1887, worth a look.'],
  ['Fatou', 'Is the second span original?'],
  ['Gus', 'No: it was replaced after the flood of 1910, and the one you cross today is the third.'],
  ['Dara', 'Thank you 🙏'],
] as const

/** The room, state by state, as `docs/room/README.md` tells it: a host, who came by a link, and listeners who want to speak. */
export async function takeRoom(studio: Studio, { folder }: { folder: string }): Promise<void> {
  const { url } = studio
  const picture = async (page: Page, name: string, before?: () => Promise<void>): Promise<void> => {
    for (const { on, size, scheme } of WIDTHS) {
      await before?.()
      await shoot(page, { file: join(folder, `${name}-${on}.jpg`), size, scheme })
    }
  }
  const hand = testid('raise-hand')
  const raise = async (page: Page, name?: string): Promise<void> => {
    await page.locator(`${hand}[aria-pressed="false"]`).click()
    if (name) {
      await page.locator(testid('your-name')).fill(name)
      await page.locator(testid('your-name-ok')).click()
    }
    await page.locator(`${testid('hand-note')}[data-state="ready"]`).waitFor()
  }
  const handOf = (page: Page, name: string) => page.locator(testid('hand')).filter({ hasText: name })
  const seatOf = (page: Page, name: string) => page.locator(`${testid('seat')}[data-name="${name}"]`)

  const ana = await studio.open(await launchSpeaker(await studio.microphone('host-en', 6, 0, 1)))
  const house = await launchSpeaker(await studio.microphone('engineer-en', 6, 0, 0.5))
  const newListener = (): Promise<Page> => studio.open(house, { permissions: ['microphone'] })
  const [ben, cleo, jonathan] = [await newListener(), await newListener(), await newListener()]

  const space = await openSpace(studio, ana, 'Ana', 'Questions from the floor')
  const host = await sessionOf(ana)
  for (const name of ['Farid', 'Mireille Dubois']) await studio.sit(ana, space, host, name)

  const link = await speakerLink(ana)
  await ben.goto(link)
  await ben.locator(testid('join-stage')).waitFor()
  await picture(ben, 'joinform')

  // Three want to speak.
  for (const [page, name] of [
    [cleo, 'Cleo'],
    [jonathan, 'Jonathan Maximilian Featherstone'],
    [ben, 'Ben'],
  ] as const) {
    await page.goto(`${url}/s/${space}`)
    await page.locator(testid('listen')).click()
    await playing(page)
    await raise(page, name)
    await handOf(ana, name).waitFor()
  }
  await ana.getByText('3 people listen').waitFor() // It is counted once in a while.
  await talking(ana)
  await picture(ana, 'hands')
  await picture(ben, 'ready')
  await ben.locator(testid('sound')).click()
  await ben.locator(`${testid('level')}[data-heard="true"]`).waitFor()
  await picture(ben, 'check')
  await ben.keyboard.press('Escape')

  // Two are asked instead.
  await jonathan.locator(hand).click()
  await cleo.locator(hand).click()
  await handOf(ana, 'Ben').waitFor()
  await ana.locator(testid('audience')).click()
  await ana.locator(`${testid('listener')}[data-name="Cleo"] ${testid('invite-listener')}`).click()
  await cleo.locator(testid('invitation')).waitFor()
  await picture(ana, 'audience')
  await ana.keyboard.press('Escape')
  await picture(cleo, 'invitation')
  await cleo.locator(testid('invitation-no')).click()

  // One is on stage.
  await handOf(ana, 'Ben').locator(testid('accept-hand')).click()
  await onAir(ben)
  await talking(ben)
  await picture(ben, 'onstage')
  await ben.locator(testid('mic')).click()
  await ben.locator(testid('mic-note')).waitFor()
  await picture(ben, 'muted')
  await ben.locator(testid('unmute')).click()
  await onAir(ben)
  await seatOf(ana, 'Ben').click()
  await ana.locator(testid('lock')).click()
  await ben.locator(`${testid('mic')}[data-state="muted-locked"]`).waitFor()
  await ben.locator(testid('mic-note')).waitFor()
  await picture(ben, 'locked')
  await seatOf(ana, 'Farid').click()
  await picture(ana, 'seat')
  await ana.locator(testid('hand-over')).click()
  await picture(ana, 'handover')
  await ana.keyboard.press('Escape')
  await seatOf(ana, 'Ben').click()
  await ana.locator(testid('move')).click()
  await playing(ben)
  await ben.getByText('You are a listener here').waitFor()
  await picture(ben, 'down')

  // What a host has to hand.
  const dora = await newListener()
  await joinBy(dora, link, 'Dora')
  await ana.locator(testid('copy-speaker-link')).click()
  await picture(ana, 'hostsheet')
  await ana.locator(testid('links')).locator('summary').click()
  await ana.locator(testid('link-uses')).selectOption('5')
  await ana.locator(testid('link-lifetime')).selectOption({ index: 1 })
  await ana.locator(testid('make-link')).click()
  await ana.locator(testid('link')).filter({ hasText: 'of 5' }).waitFor()
  await picture(ana, 'links')
  await ana.keyboard.press('Escape')
  await dora.close()
  await seatOf(ana, 'Mireille Dubois').click()
  await ana.locator(testid('ban')).click()
  await seatOf(ana, 'Mireille Dubois').waitFor({ state: 'detached' })
  await ana.locator(testid('copy-speaker-link')).click()
  await ana.locator(testid('bans')).locator('summary').click()
  await ana.locator(testid('unban')).scrollIntoViewIfNeeded()
  await picture(ana, 'bans')
  await ana.keyboard.press('Escape')

  // What people write.
  await ana.locator(testid('posts')).click()
  const writers = new Map<string, string>()
  for (const [name, text] of POSTS) {
    const token = writers.get(name) ?? (await newGuest(url, name)).token
    writers.set(name, token)
    await call(`${url}/api/spaces/${space}/posts`, 'POST', { text, key: crypto.randomUUID() }, token)
    await ana
      .locator(testid('post'))
      .filter({ hasText: text.slice(0, 12) })
      .first()
      .waitFor()
  }
  await ana.locator(testid('post')).filter({ hasText: 'Emil' }).locator(testid('pin-post')).click()
  await ana.locator(testid('pinned')).waitFor({ state: 'attached' })
  await ana.locator(testid('react')).click()
  await picture(ana, 'posts', async () => {
    for (const n of [1, 4, 2, 6, 1]) await ana.locator(testid(`react-${n}`)).click()
    await ana
      .locator(`${testid('rising')} .flyer`)
      .first()
      .waitFor()
  })
}
