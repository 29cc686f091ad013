import { afterAll, beforeAll, expect, test } from 'vitest'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { call, goOnStage, newGuest, newSpeaker, openSpace, type Guest } from './client.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { amplitude, Ear, hum } from './tone.ts'

/** The stage of a whole Odeon, with real WebRTC connections and no browser. */

interface SpaceView {
  state: string
  stage: { members: { id: string; name: string; muted: string }[]; talking: string[] } | null
}

let odeon: OdeonProcess
beforeAll(async () => void (odeon = await startOdeonProcess()))
afterAll(() => odeon?.remove())

const stageOf = async (space: string): Promise<NonNullable<SpaceView['stage']>> =>
  (await call<SpaceView>(`${odeon.url}/api/spaces/${space}`, 'GET')).body.stage ?? {
    members: [],
    talking: [],
  }
const namesOn = async (space: string): Promise<string[]> =>
  (await stageOf(space)).members.map(({ name }) => name)

const letOnStage = (space: string, host: Guest, name: string): Promise<Guest> =>
  newSpeaker(odeon.url, space, host, name)

test(
  'each hears the others and never himself; who is muted is not heard; no connection is negotiated anew',
  { timeout: 60_000 },
  async () => {
    const { id, host } = await openSpace(odeon.url, 'Three notes')
    const ben = await letOnStage(id, host, 'Ben')
    const cleo = await letOnStage(id, host, 'Cleo')
    const notes = [440, 660, 990]
    const people = await Promise.all(
      [host, ben, cleo].map(async (guest, n) => {
        const ear = new Ear()
        const speaker = await goOnStage(odeon.url, id, guest.token, { onPacket: ear.onPacket })
        return { guest, ear, speaker, hum: await hum(speaker, notes[n]!) }
      }),
    )
    await expect.poll(async () => (await stageOf(id)).talking.length, { timeout: 10_000 }).toBe(3)
    for (const [own, { ear }] of people.entries()) {
      const heard = await ear.nextSecond()
      for (const [n, hz] of notes.entries()) {
        const size = amplitude(heard, hz, SAMPLE_RATE)
        if (n === own) expect(size, `${hz} Hz, his own`).toBeLessThan(0.01)
        else expect(size, `${hz} Hz, another’s`).toBeGreaterThan(0.12)
      }
    }
    await call(
      `${odeon.url}/api/spaces/${id}/speakers/${cleo.user.id}/mute`,
      'POST',
      { muted: true },
      host.token,
    )
    await expect
      .poll(async () => (await stageOf(id)).members.find(({ name }) => name === 'Cleo')?.muted)
      .toBe('host')
    expect(amplitude(await people[0]!.ear.nextSecond(), 990, SAMPLE_RATE)).toBeLessThan(0.01)

    await people[1]!.speaker.close()
    await expect.poll(() => namesOn(id)).toEqual(['Host', 'Cleo'])
    for (const { hum, speaker } of people) {
      hum.stop()
      await speaker.close()
    }
  },
)

test(
  'a speaker whose network is gone has left within 10 s, and is heard again when he comes back',
  { timeout: 60_000 },
  async () => {
    const { id, host } = await openSpace(odeon.url, 'Gone')
    const ben = await letOnStage(id, host, 'Ben')
    const ear = new Ear()
    const listening = await goOnStage(odeon.url, id, host.token, { onPacket: ear.onPacket })
    const kept = await hum(listening, 300)
    const first = await goOnStage(odeon.url, id, ben.token)
    const before = await hum(first, 500)
    await expect.poll(() => namesOn(id)).toEqual(['Host', 'Ben'])
    before.stop()
    await first.vanish()
    const since = performance.now()
    await expect.poll(() => namesOn(id), { timeout: 12_000 }).toEqual(['Host'])
    expect(performance.now() - since).toBeLessThan(11_000)

    const second = await goOnStage(odeon.url, id, ben.token)
    const after = await hum(second, 500)
    await expect.poll(async () => (await stageOf(id)).talking, { timeout: 10_000 }).toContain(ben.user.id)
    expect(amplitude(await ear.nextSecond(), 500, SAMPLE_RATE)).toBeGreaterThan(0.12)

    // A reload dials again before the old connection is known to be dead: one seat, and the new voice is heard.
    const third = await goOnStage(odeon.url, id, ben.token)
    after.stop()
    const reloaded = await hum(third, 700)
    await expect
      .poll(async () => amplitude(await ear.nextSecond(), 700, SAMPLE_RATE), { timeout: 15_000 })
      .toBeGreaterThan(0.12)
    expect(await namesOn(id)).toEqual(['Host', 'Ben'])
    for (const stop of [kept, reloaded]) stop.stop()
    await Promise.all([listening.close(), third.close(), second.vanish()])
  },
)

test(
  'twenty are on stage; the next one gets a clear no, until somebody leaves',
  { timeout: 90_000 },
  async () => {
    const { id, host } = await openSpace(odeon.url, 'Full')
    const speakers: WhipSpeaker[] = [await goOnStage(odeon.url, id, host.token)]
    for (let n = 1; n < 20; n++) {
      const guest = await letOnStage(id, host, `Guest ${n}`)
      speakers.push(await goOnStage(odeon.url, id, guest.token))
    }
    const late = await letOnStage(id, host, 'Late')
    await expect(goOnStage(odeon.url, id, late.token)).rejects.toThrow(/409.*stage_full.*20 people/)
    await speakers.pop()!.close()
    speakers.push(await goOnStage(odeon.url, id, late.token))
    await expect.poll(async () => (await namesOn(id)).length).toBe(20)
    await Promise.all(speakers.map((speaker) => speaker.close()))
  },
)

test(
  'a sendonly offer, as of OBS or ffmpeg, is heard and gets nothing back',
  { timeout: 30_000 },
  async () => {
    const { id, host } = await openSpace(odeon.url, 'OBS')
    const speaker = await goOnStage(odeon.url, id, host.token, { direction: 'sendonly' })
    const humming = await hum(speaker, 440)
    await expect.poll(async () => (await stageOf(id)).talking, { timeout: 10_000 }).toEqual([host.user.id])
    humming.stop()
    await speaker.close()
  },
)

test(
  'there are as many live spaces as the operator allows; the next one is told so and stays to be started',
  { timeout: 30_000 },
  async () => {
    const small = await startOdeonProcess({ env: { ODEON_MAX_SPACES: '1' } })
    try {
      await openSpace(small.url, 'First')
      const guest = await newGuest(small.url, 'Second')
      const { body } = await call<{ id: string }>(
        `${small.url}/api/spaces`,
        'POST',
        { title: 'Second' },
        guest.token,
      )
      const refused = await call(`${small.url}/api/spaces/${body.id}/start`, 'POST', undefined, guest.token)
      expect(refused).toMatchObject({ status: 503, body: { error: { code: 'too_many_spaces' } } })
      expect((await call<SpaceView>(`${small.url}/api/spaces/${body.id}`, 'GET')).body.state).toBe(
        'scheduled',
      )
    } finally {
      await small.remove()
    }
  },
)
