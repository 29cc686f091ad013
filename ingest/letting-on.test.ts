import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import type { InboxEvent, SpaceEvent } from '@odeon/common/events.ts'
import { decodeLogEntry } from '@odeon/common/frame.ts'
import { inboxKey, logKey, spaceKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { openEncoder } from '@odeon/common/opus.ts'
import { FIRST, type Ports } from '@odeon/common/ports.ts'
import { ROOM_TIMES, type RoomState } from '@odeon/common/room.ts'
import { getSpace, newSpace, updateSpace, type Space } from '@odeon/common/space.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { BeatSlots } from './beat.ts'
import { ingestMetrics } from './metrics.ts'
import { lastRoomState } from './room-log.ts'
import { SpaceMixer, type SpaceOptions } from './space.ts'
import { connectSpeaker, type WhipSpeaker } from './werift-speaker.ts'
import { openPeer } from './werift-peer.ts'

/** How people come on stage and go, as the mixer of a space does it: with real connections, by what the document says. */

const id = 'testspace'
const hana = { id: 'hanahana', name: 'Hana' }
const ana = { id: 'anaanaana', name: 'Ana' }
let folder: string
let ports: Ports
let timers: NodeJS.Timeout[] = []
const mixers: SpaceMixer[] = []
const speakers: WhipSpeaker[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odeon-room-'))
  ports = await openEmbeddedPorts({ folder, logger: createLogger('silent') })
  const space: Space = {
    ...newSpace({ id, title: 'A talk', host: hana, createdAt: 0 }),
    state: 'live',
    startedAt: Date.now(),
  }
  await ports.store.put(spaceKey(id), space, 0)
})
afterEach(async () => {
  for (const timer of timers) clearInterval(timer)
  timers = []
  await Promise.all(speakers.splice(0).map((speaker) => speaker.vanish()))
  await Promise.all(mixers.splice(0).map((mixer) => mixer.close()))
  await ports.store.close()
  rmSync(folder, { recursive: true })
})

async function open(over: Partial<SpaceOptions> = {}): Promise<SpaceMixer> {
  const mixer = await SpaceMixer.open({
    id,
    title: 'A talk',
    startedAt: (await getSpace(ports.store, id))!.startedAt!,
    owner: 'here',
    log: ports.log,
    store: ports.store,
    logger: createLogger('silent'),
    metrics: ingestMetrics(new Registry(), () => ({ spaces: 1, speakers: 0 })),
    openPeer,
    peerSettings: () => ({ iceServers: [], addresses: ['127.0.0.1'], ports: undefined, release: () => {} }),
    slots: new BeatSlots(),
    emptyMs: 60_000,
    onStopped: () => {},
    ...over,
  })
  mixers.push(mixer)
  return mixer
}
type Role = 'host' | 'cohost' | 'speaker' | 'listener'
/** Dials, and hums from then on. */
async function dial(
  mixer: SpaceMixer,
  person: { id: string; name: string; face?: string },
  role: Role,
): Promise<WhipSpeaker> {
  const speaker = await connectSpeaker({
    async post(sdp) {
      const { session, sdp: answer } = await mixer.join({ sdp, speaker: { ...person, role }, sound: 'music' })
      return { answer, remove: () => mixer.leave(session) }
    },
  })
  speakers.push(speaker)
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const tone = Float32Array.from({ length: FRAME_SAMPLES }, (_, n) => 0.3 * Math.sin((2 * Math.PI * n) / 96))
  timers.push(setInterval(() => speaker.send(encoder.encode(tone)), 20))
  return speaker
}
const tell = (event: InboxEvent) =>
  ports.log.add(inboxKey(id), new TextEncoder().encode(JSON.stringify(event)))
const change = async (how: (space: Space) => Space): Promise<void> => {
  await updateSpace(ports.store, id, how)
  await tell({ type: 'changed' })
}
const events = async (): Promise<SpaceEvent[]> =>
  (await ports.log.read(logKey(id), FIRST, { limit: 10_000 })).flatMap(({ body }) => {
    const entry = decodeLogEntry(body)
    return entry.kind === 'frame' ? entry.events : []
  })
const members = async () => (await events()).findLast((event) => event.type === 'stage')?.members ?? []
const talked = async (user: string): Promise<boolean> =>
  (await events()).some((event) => event.type === 'talking' && event.ids.includes(user))
const room = async (): Promise<RoomState | undefined> => lastRoomState(ports.log, id)
/** His hand is up, and the connection that he makes is ready. */
async function wait(mixer: SpaceMixer, person: { id: string; name: string; face?: string }): Promise<void> {
  await tell({ type: 'hand', id: person.id, name: person.name, up: true })
  await expect.poll(async () => (await room())?.hands.map((hand) => hand.id)).toEqual([person.id])
  await dial(mixer, person, 'listener')
}
const letOn = (person: { id: string; name: string }) => (space: Space) => ({
  ...space,
  speakers: { ...space.speakers, [person.id]: { name: person.name, role: 'speaker' as const } },
})
const without = (user: string) => (space: Space) => {
  const { [user]: _gone, ...rest } = space.speakers
  return { ...space, speakers: rest }
}

test('a listener’s connection is ready while his hand is up, and not heard; accepted, he is on stage without dialling again', async () => {
  const mixer = await open()
  await wait(mixer, ana)
  await expect.poll(async () => (await room())?.hands).toMatchObject([{ ...ana, ready: true }])
  expect(await members()).toEqual([])
  expect(await talked(ana.id)).toBe(false)
  await change(letOn(ana))
  await expect.poll(members).toMatchObject([{ ...ana, role: 'speaker', muted: 'no' }])
  await expect.poll(() => talked(ana.id), { timeout: 10_000 }).toBe(true)
  await expect.poll(async () => (await room())?.hands).toEqual([])
})

test('a face is seen with a hand, comes on stage with its owner, and is changed and taken away there with the next frame', async () => {
  const faceOfAna = async () => (await members()).map(({ face }) => face)
  const mixer = await open()
  await wait(mixer, { ...ana, face: 'face23456789' })
  await expect.poll(async () => (await room())?.hands).toMatchObject([{ ...ana, face: 'face23456789' }])
  await change(letOn(ana))
  await expect.poll(faceOfAna).toEqual(['face23456789'])
  await expect.poll(async () => (await room())?.members[0]?.face).toBe('face23456789')
  await tell({ type: 'face', id: ana.id, face: 'otherface234' })
  await expect.poll(faceOfAna).toEqual(['otherface234'])
  await tell({ type: 'face', id: 'nobodyhere', face: 'face23456789' })
  await tell({ type: 'face', id: ana.id, face: null })
  await expect.poll(faceOfAna).toEqual([undefined])
})

test('a hand that goes down takes the waiting connection along, and one that comes after it does not raise it again', async () => {
  const mixer = await open()
  await wait(mixer, ana)
  await expect.poll(async () => (await room())?.hands).toMatchObject([{ ready: true }])
  await tell({ type: 'hand', id: ana.id, name: '', up: false })
  await expect.poll(async () => (await room())?.hands).toEqual([])
  await expect(dial(mixer, ana, 'listener')).rejects.toMatchObject({ status: 409, code: 'no_hand' })
  expect((await room())?.hands).toEqual([])
  await change(letOn(ana))
  await expect.poll(async () => (await room())?.changes).toBeGreaterThan(1)
  expect(await members()).toEqual([])
})

test('who is moved, removed or banned is off the stage with the next frames, and an offer that the api let through before is refused', async () => {
  const mixer = await open()
  await change(letOn(ana))
  await dial(mixer, ana, 'speaker')
  await expect.poll(() => talked(ana.id), { timeout: 10_000 }).toBe(true)
  await change((space) => ({
    ...without(ana.id)(space),
    out: { [ana.id]: { name: 'Ana', kind: 'banned', at: 0 } },
  }))
  await expect.poll(members).toEqual([])
  const speaker = { ...ana, role: 'speaker' } as const
  await expect(mixer.join({ sdp: 'v=0', speaker })).rejects.toMatchObject({ status: 403, code: 'banned' })
  await change((space) => ({ ...space, out: {} }))
  await expect(mixer.join({ sdp: 'v=0', speaker })).rejects.toMatchObject({ status: 403, code: 'forbidden' })
})

test('where only the invited come on stage, no connection of another is made ready; an invitation is told with the sound', async () => {
  const mixer = await open()
  await change((space) => ({ ...space, policy: 'invited' }))
  const speaker = { ...ana, role: 'listener' } as const
  await expect(mixer.join({ sdp: 'v=0', speaker })).rejects.toMatchObject({ code: 'not_invited' })
  await change((space) => ({ ...space, invited: { [ana.id]: { name: 'Ana', at: Date.now() } } }))
  await expect.poll(events).toContainEqual({ type: 'invited', ids: [ana.id] })
  await dial(mixer, ana, 'listener')
  await expect
    .poll(async () => (await events()).findLast(({ type }) => type === 'stage'))
    .toMatchObject({
      policy: 'invited',
    })
})

test('hands and mutes outlive the mixer: the next one goes on with both', async () => {
  const first = await open()
  await tell({ type: 'hand', id: ana.id, name: 'Ana', up: true })
  await expect.poll(async () => (await room())?.hands).toMatchObject([ana])
  await change((space) => ({
    ...space,
    speakers: { [hana.id]: { name: 'Hana', role: 'host', muted: 'self' } },
  }))
  await expect.poll(async () => (await room())?.changes).toBe(2)
  await first.close()
  const second = await open({ owner: 'there' })
  await dial(second, hana, 'host')
  await expect.poll(members).toMatchObject([{ ...hana, muted: 'self' }])
  expect((await room())?.hands).toMatchObject([ana])
})

test('a host who vanishes is replaced by who is there, and gets the space back when he is seen again', async () => {
  const times = { ...ROOM_TIMES, hostGraceMs: 700, firstHostGraceMs: 700 }
  const mixer = await open({ times })
  await change(letOn(ana))
  await dial(mixer, ana, 'speaker')
  await expect.poll(async () => (await getSpace(ports.store, id))!.host, { timeout: 15_000 }).toEqual(ana)
  await expect.poll(members).toMatchObject([{ ...ana, role: 'host' }])
  await tell({ type: 'alive', ids: [hana.id] })
  await expect.poll(async () => (await getSpace(ports.store, id))!.host, { timeout: 15_000 }).toEqual(hana)
  expect((await getSpace(ports.store, id))!.speakers[ana.id]!.role).toBe('speaker')
})
