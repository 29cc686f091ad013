import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import type { InboxEvent } from '@odeon/common/events.ts'
import { decodeLogEntry, encodeLogEntry, frameOf, type LogEntry } from '@odeon/common/frame.ts'
import { inboxKey, logKey, ownerKey, roomKey, spaceKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { openEncoder } from '@odeon/common/opus.ts'
import { FIRST, type Ports } from '@odeon/common/ports.ts'
import type { RoomState } from '@odeon/common/room.ts'
import { newSpace, updateSpace } from '@odeon/common/space.ts'
import { FRAME_SAMPLES, FRAMES_PER_SEGMENT } from '@odeon/common/time.ts'
import { BeatSlots } from './beat.ts'
import { ingestMetrics } from './metrics.ts'
import { SpaceMixer, type SpaceOptions, type Stopped } from './space.ts'
import { connectSpeaker } from './werift-speaker.ts'
import { openPeer } from './werift-peer.ts'

const id = 'testspace'
let folder: string
let ports: Ports
const mixers: SpaceMixer[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odeon-mixer-'))
  ports = await openEmbeddedPorts({ folder, logger: createLogger('silent') })
})
afterEach(async () => {
  await Promise.all(mixers.splice(0).map((mixer) => mixer.close()))
  await ports.store.close()
  rmSync(folder, { recursive: true })
})

async function open(
  over: Partial<SpaceOptions> = {},
): Promise<{ mixer: SpaceMixer; stopped: Promise<Stopped> }> {
  const { promise, resolve } = Promise.withResolvers<Stopped>()
  const mixer = await SpaceMixer.open({
    id,
    title: 'Test',
    startedAt: Date.now(),
    owner: 'here',
    log: ports.log,
    store: ports.store,
    logger: createLogger('silent'),
    metrics: ingestMetrics(new Registry(), () => ({ spaces: 1, speakers: 0 })),
    openPeer,
    peerSettings: () => ({ iceServers: [], addresses: ['127.0.0.1'], ports: undefined, release: () => {} }),
    slots: new BeatSlots(),
    emptyMs: 60_000,
    onStopped: resolve,
    ...over,
  })
  mixers.push(mixer)
  return { mixer, stopped: promise }
}
const entries = async (): Promise<{ frame: number; entry: LogEntry }[]> =>
  (await ports.log.read(logKey(id), FIRST, { limit: 10_000 })).map(({ id, body }) => ({
    frame: frameOf(id),
    entry: decodeLogEntry(body),
  }))
const tell = (event: InboxEvent) =>
  ports.log.add(inboxKey(id), new TextEncoder().encode(JSON.stringify(event)))
const frames = async (): Promise<number[]> =>
  (await entries()).filter(({ entry }) => entry.kind === 'frame').map(({ frame }) => frame)

test('an empty stage is silence in the log, frame by frame, with a snapshot where each segment begins', async () => {
  await open()
  await expect
    .poll(async () => (await frames()).length, { timeout: 15_000 })
    .toBeGreaterThan(FRAMES_PER_SEGMENT + 1)
  const log = await entries()
  expect(log[0]!.entry.kind).toBe('claim')
  const numbers = await frames()
  numbers.forEach((frame, n) => expect(frame).toBe(numbers[0]! + n))
  for (const frame of [numbers[0], FRAMES_PER_SEGMENT]) {
    const { entry } = log.find((there) => there.frame === frame)!
    expect(entry).toMatchObject({
      kind: 'frame',
      events: [{ type: 'stage', title: 'Test', members: [], talking: [] }],
    })
  }
})

test('who joins, is muted, leaves: each is in the log at once, and the end is the last entry', async () => {
  const { mixer, stopped } = await open()
  const speaker = { id: 'anaanaanaana', name: 'Ana', role: 'host' } as const
  const ana = await connectSpeaker({
    async post(sdp) {
      const { session, sdp: answer } = await mixer.join({ sdp, speaker })
      return { answer, remove: () => mixer.leave(session) }
    },
  })
  const stages = async () =>
    (await entries()).flatMap(({ entry }) =>
      entry.kind === 'frame' ? entry.events.filter((event) => event.type === 'stage') : [],
    )
  const document = newSpace({ id, title: 'Test', host: speaker, createdAt: 0 })
  document.speakers[speaker.id]!.muted = 'self'
  await ports.store.put(spaceKey(id), document, 0)
  await tell({ type: 'changed' })
  await expect
    .poll(async () => (await stages()).at(-1)?.members)
    .toEqual([{ ...speaker, muted: 'self', connected: true }])
  await updateSpace(ports.store, id, (space) => ({ ...space, title: 'Renamed' }))
  await tell({ type: 'changed' })
  await expect.poll(async () => (await stages()).at(-1)?.title).toBe('Renamed')
  await ports.log.add(inboxKey(id), new TextEncoder().encode('{"type":"nonsense"}'))
  await ana.close()
  await expect.poll(async () => (await stages()).at(-1)?.members).toEqual([])
  await tell({ type: 'end', reason: 'host' })
  expect(await stopped).toEqual({ kind: 'ended', reason: 'host' })
  const log = await entries()
  expect(log.at(-1)!.entry).toEqual({ kind: 'end', reason: 'host' })
  expect(log.at(-1)!.frame).toBe(log.at(-2)!.frame + 1)
  expect(await ports.store.holder(ownerKey(id))).toBeUndefined()
  await expect(mixer.join({ sdp: 'v=0', speaker })).rejects.toMatchObject({ code: 'already_ended' })
})

test('while somebody talks, his level is in the log ten times a second, a byte', async () => {
  const { mixer } = await open()
  const speaker = { id: 'anaanaanaana', name: 'Ana', role: 'host' } as const
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const ana = await connectSpeaker({
    async post(sdp) {
      const { session, sdp: answer } = await mixer.join({ sdp, speaker, sound: 'music' })
      return { answer, remove: () => mixer.leave(session) }
    },
  })
  const tone = Float32Array.from(
    { length: FRAME_SAMPLES },
    (_, n) => 0.3 * Math.sin((2 * Math.PI * 500 * n) / 48_000),
  )
  const timer = setInterval(() => ana.send(encoder.encode(tone)), 20)
  const levels = async () =>
    (await entries()).flatMap(({ frame, entry }) =>
      entry.kind === 'frame'
        ? entry.events.flatMap((event) =>
            event.type === 'levels' ? [{ frame, level: event.levels[speaker.id] }] : [],
          )
        : [],
    )
  await expect.poll(async () => (await levels()).length).toBeGreaterThan(5)
  clearInterval(timer)
  const told = await levels()
  for (const { frame, level } of told) {
    expect(frame % 5).toBe(0)
    expect(level).toSatisfy((byte: number) => Number.isInteger(byte) && byte > 0 && byte <= 255)
  }
  await ana.close()
  encoder.close()
})

test('a mixer that another epoch has fenced off stops, and writes nothing more', async () => {
  const { stopped } = await open()
  await expect.poll(async () => (await frames()).length).toBeGreaterThan(2)
  await ports.log.append(
    logKey(id),
    { major: 1000, minor: 0 },
    encodeLogEntry({ kind: 'claim', owner: 'b', frames: 0 }),
  )
  expect(await stopped).toEqual({ kind: 'fenced' })
  expect((await ports.log.newest(logKey(id)))!.id).toEqual({ major: 1000, minor: 0 })
})

test('a space with nobody on stage ends after a while', async () => {
  const { stopped } = await open({ emptyMs: 200 })
  expect(await stopped).toEqual({ kind: 'ended', reason: 'empty' })
})

test('a mixer that was away for longer than its lease takes the space again, if nobody else has', async () => {
  const { store } = ports
  let away = false
  const unsteady = {
    ...store,
    renew: (...args: Parameters<typeof store.renew>) =>
      away ? Promise.resolve(false) : store.renew(...args),
  }
  await open({ store: unsteady })
  await expect.poll(async () => (await frames()).length).toBeGreaterThan(2)
  const before = (await store.holder(ownerKey(id)))!
  away = true
  await store.release(before)
  await expect.poll(async () => (await store.holder(ownerKey(id)))?.epoch).toBe(before.epoch + 1)
  away = false
  const count = (await frames()).length
  await expect.poll(async () => (await frames()).length).toBeGreaterThan(count + 5)
  const numbers = await frames()
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  expect(new Set(numbers).size).toBe(numbers.length)
})

test('who dials again while his old connection ends stays on stage', async () => {
  const { mixer } = await open()
  const speaker = { id: 'anaanaanaana', name: 'Ana', role: 'host' } as const
  const join = () => {
    const sessions: string[] = []
    const connected = connectSpeaker({
      async post(sdp) {
        const { session, sdp: answer } = await mixer.join({ sdp, speaker })
        sessions.push(session)
        return { answer, remove: () => mixer.leave(session) }
      },
    })
    return { sessions, connected }
  }
  const first = join()
  const old = await first.connected
  const second = join()
  await mixer.leave(first.sessions[0]!) // While the second one is being answered.
  await (await second.connected, old.vanish())
  expect(mixer.speakers).toBe(1)
  await (await second.connected).close()
  expect(mixer.speakers).toBe(0)
})

test('a post, a pin and reactions are in the log, each once; the next mixer still has the post and the pin; who was banned writes nothing', async () => {
  const events = async () =>
    (await entries()).flatMap(({ frame, entry }) =>
      entry.kind === 'frame' ? entry.events.map((event) => ({ ...event, frame })) : [],
    )
  const of = async (...types: string[]) => (await events()).filter(({ type }) => types.includes(type))
  const by = { id: 'anaanaanaana', name: 'Ana' }
  const post = { id: 'p'.repeat(20), by, role: 'listener' as const, text: 'Hello' }
  const document = newSpace({ id, title: 'Test', host: { id: 'hanahanahana', name: 'Hana' }, createdAt: 0 })
  document.out['benbenbenben'] = { name: 'Ben', kind: 'banned', at: 1 }
  await ports.store.put(spaceKey(id), document, 0)

  const { mixer } = await open()
  await tell({ type: 'post', ...post, id: 'q'.repeat(20), by: { id: 'benbenbenben', name: 'Ben' } })
  await tell({ type: 'post', ...post })
  await tell({ type: 'post', ...post })
  await tell({ type: 'pin', id: post.id })
  for (let n = 0; n < 1000; n++) await tell({ type: 'reactions', counts: { '👏': 1 } })
  const reactions = async () =>
    (await events()).reduce(
      (sum, event) => sum + (event.type === 'reactions' ? (event.counts['👏'] ?? 0) : 0),
      0,
    )
  await expect.poll(reactions, { timeout: 10_000 }).toBe(1000)
  const [posted, pinned] = await of('post', 'pin')
  expect(posted).toMatchObject({ type: 'post', ...post })
  expect(pinned).toMatchObject({ type: 'pin', post: { ...post, frame: posted!.frame } })
  await mixer.close()

  const until = (await events()).at(-1)!.frame
  await tell({ type: 'post', ...post })
  await open()
  const told = async () => {
    const newest = await ports.log.newest(roomKey(id))
    return JSON.parse(new TextDecoder().decode(newest!.body)) as RoomState
  }
  await expect
    .poll(async () => (await of('pin')).some(({ frame }) => frame > until), { timeout: 10_000 })
    .toBe(true)
  expect((await told()).posts).toEqual([{ ...post, frame: posted!.frame }])
  expect((await told()).pin).toEqual({ ...post, frame: posted!.frame })
  expect(await of('post')).toEqual([posted])
})
