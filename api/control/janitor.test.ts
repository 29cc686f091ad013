import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { ARCHIVE_QUEUE, ERASE_QUEUE, logKey, ownerKey, spaceKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { asEnded, getSpace, newSpace, updateSpace, type Space } from '@odeon/common/space.ts'
import { MAX_HOLE_MS } from '@odeon/common/time.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { superviseSpaces, type Janitor } from './janitor.ts'

const START = 1_790_000_000_000
const logger = createLogger('silent')
let folder: string
let ports: Ports
let clock: number
let janitor: Janitor | undefined
let ordered: unknown[]
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odeon-janitor-'))
  ports = await openEmbeddedPorts({ folder, logger })
  clock = START
  ordered = []
  ports.jobs.work(ARCHIVE_QUEUE, ({ data }) => Promise.resolve(void ordered.push(data)))
})
afterEach(async () => {
  await janitor?.close()
  await Promise.all([ports.jobs.close(), ports.log.close(), ports.objects.close()])
  await ports.store.close()
  rmSync(folder, { recursive: true })
})

async function space(id: string, fields: Partial<Space> = {}): Promise<string> {
  const value: Space = {
    ...newSpace({ id, title: 'A talk', host: { id: 'hanahana', name: 'Hana' }, createdAt: START }),
    state: 'live',
    startedAt: START,
    ...fields,
  }
  await ports.store.put(spaceKey(id), value, 0)
  return id
}
const watch = (logIsDurable: boolean): Janitor =>
  (janitor = superviseSpaces({ ports, logger, logIsDurable, now: () => clock, everyMs: 3600_000 }))
const stateOf = async (id: string) => (await getSpace(ports.store, id))!
const heard = (id: string, frame: number) =>
  ports.log.append(
    logKey(id),
    frameId(1, frame),
    encodeLogEntry({ kind: 'frame', opus: new Uint8Array(0), events: [] }),
  )

test('a space that nobody owns ends a minute after its last frame, and a replay is ordered', async () => {
  const id = await space('abandoned')
  await heard(id, 499) // 10 s.
  clock = START + 10_000 + MAX_HOLE_MS
  await watch(true).sweep()
  expect(await stateOf(id)).toMatchObject({ state: 'live' })
  clock += 1
  await janitor!.sweep()
  expect(await stateOf(id)).toMatchObject({
    state: 'ended',
    endReason: 'abandoned',
    endedAt: clock,
    replay: { state: 'preparing' },
  })
  await expect.poll(() => ordered).toEqual([{ id, startedAt: START }])
  await janitor!.sweep()
  expect(ordered).toHaveLength(1)
})

test('a space that never had a log ends a minute after its start', async () => {
  const id = await space('nolognolog')
  clock = START + MAX_HOLE_MS
  await watch(true).sweep()
  expect(await stateOf(id)).toMatchObject({ state: 'live' })
  clock += 1
  await janitor!.sweep()
  expect(await stateOf(id)).toMatchObject({ state: 'ended' })
})

test('a space that somebody owns goes on, however silent its log is', async () => {
  const id = await space('ownedowned')
  await ports.store.acquire(ownerKey(id), 'node', 60_000)
  clock = START + 10 * MAX_HOLE_MS
  await watch(true).sweep()
  expect(await stateOf(id)).toMatchObject({ state: 'live' })
})

test('where the log died with the process, what was live then ends at once, also with an owner that is dead', async () => {
  const live = await space('livebefore')
  await ports.store.acquire(ownerKey(live), 'dead', 60_000)
  const preparing = await space('preparing1', {
    state: 'ended',
    endedAt: START + 5,
    replay: { state: 'preparing' },
  })
  const ready = await space('readyready', { state: 'ended', replay: { state: 'ready', durationMs: 5 } })
  const scheduled = await space('scheduled1', { state: 'scheduled' })
  clock = START + 10
  await watch(false).sweep()
  expect(await stateOf(live)).toMatchObject({ state: 'ended', endReason: 'abandoned' })
  expect(await stateOf(ready)).toMatchObject({ replay: { state: 'ready' } })
  expect(await stateOf(scheduled)).toMatchObject({ state: 'scheduled' })
  await expect
    .poll(() => new Set(ordered.map((job) => (job as { id: string }).id)))
    .toEqual(new Set([live, preparing]))
})

test('what starts after that is not touched, nor is the replay of what ends after that', async () => {
  watch(false)
  await janitor!.sweep()
  clock += 1000
  const live = await space('liveafter1', { startedAt: clock })
  const ended = await space('endedafter', {
    state: 'ended',
    endedAt: clock,
    replay: { state: 'preparing' },
  })
  await janitor!.sweep()
  expect(await stateOf(live)).toMatchObject({ state: 'live' })
  expect(await stateOf(ended)).toMatchObject({ replay: { state: 'preparing' } })
  expect(ordered).toEqual([])
})

test('a damaged log does not keep the others from being looked after', async () => {
  const damaged = await space('adamaged1')
  const abandoned = await space('babandoned')
  await ports.log.append(logKey(damaged), { major: 1, minor: 5 }, Uint8Array.of(99))
  clock = START + MAX_HOLE_MS + 101
  await watch(true).sweep()
  expect(await stateOf(damaged)).toMatchObject({ state: 'ended' })
  expect(await stateOf(abandoned)).toMatchObject({ state: 'ended' })
})

test('a space that its host ends while it is looked at stays ended by its host', async () => {
  const id = await space('racerace12')
  clock = START + MAX_HOLE_MS + 1
  const slow: Ports = {
    ...ports,
    log: {
      ...ports.log,
      async newest(key) {
        const newest = await ports.log.newest(key)
        await updateSpace(ports.store, id, (live) => asEnded(live, 'host', clock))
        return newest
      },
    },
  }
  janitor = superviseSpaces({ ports: slow, logger, logIsDurable: true, now: () => clock, everyMs: 3600_000 })
  await janitor.sweep()
  expect(await stateOf(id)).toMatchObject({ state: 'ended', endReason: 'host' })
  expect(ordered).toEqual([])
})

test('it looks at once when it starts, and closes twice', async () => {
  const id = await space('atthestart')
  clock = START + MAX_HOLE_MS + 1
  watch(true)
  await expect.poll(async () => (await stateOf(id)).state).toBe('ended')
  await Promise.all([janitor!.close(), janitor!.close()])
})

test('two janitors at once, as two api nodes have them: a space ends once, and one replay is ordered', async () => {
  const id = await space('abandoned')
  await heard(id, 499)
  clock = START + 10_000 + MAX_HOLE_MS + 1
  const other = superviseSpaces({ ports, logger, logIsDurable: true, now: () => clock, everyMs: 3600_000 })
  await Promise.all([watch(true).sweep(), other.sweep()])
  await other.close()
  expect(await stateOf(id)).toMatchObject({ state: 'ended' })
  await expect.poll(() => ordered).toEqual([{ id, startedAt: START }])
})

test('posts that are still to be taken out of a replay are ordered once more: the job may have died with its process', async () => {
  const erasing: unknown[] = []
  ports.jobs.work(ERASE_QUEUE, ({ data }) => Promise.resolve(void erasing.push(data)))
  const post = 'post0000000000000001'
  const ready = { state: 'ready', durationMs: 5 } as const
  const id = await space('withremoved', { state: 'ended', replay: ready, erase: [post] })
  await space('nothingthere', { state: 'ended', replay: ready })
  await space('beingmade', {
    state: 'ended',
    endedAt: START + 1,
    replay: { state: 'preparing' },
    erase: [post],
  })
  await watch(true).sweep()
  await expect.poll(() => erasing).toContainEqual({ id, startedAt: START })
  expect(new Set(erasing.map((job) => (job as { id: string }).id))).toEqual(new Set([id]))
})
