import { afterEach, expect, test } from 'vitest'
import { Archive } from '@odeon/common/archive.ts'
import { aacSegmentKey, archiveKey, spaceKey } from '@odeon/common/keys.ts'
import { getSpace, newSpace, type Space as SpaceDocument } from '@odeon/common/space.ts'
import { runArchiveJob } from './archive-job.ts'
import { logger, openSpace } from './testing/live.ts'
import { chirp } from './testing/sound.ts'
import { opusOf, stage } from './testing/space-log.ts'

const { packets } = await opusOf(chirp(220))
const spaces: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(spaces.splice(0).map((space) => space.close()))
})

/** A live space of 4.4 s, three segments, of which everything is stored. */
async function recorded(frames = 220) {
  const space = await openSpace()
  spaces.push(space)
  const { id, startedAt } = space.job
  const document: SpaceDocument = {
    ...newSpace({ id, title: 'Tea', host: { id: 'ana00000', name: 'Ana' }, createdAt: startedAt }),
    state: 'live',
    startedAt,
  }
  await space.ports.store.put(spaceKey(id), document, 0)
  for (let frame = 0; frame < frames; frame++)
    await space.mixer.frame(frame, packets[frame]!, frame % 48 === 0 ? [stage('Tea', talkersAt(frame))] : [])
  await space.mixer.end(frames)
  await space.run()
  return {
    ...space,
    archive: () => runArchiveJob({ ...space, logger }),
    async read() {
      const bytes = await space.ports.objects.get(archiveKey(id))
      return bytes && Archive.parse(JSON.parse(new TextDecoder().decode(bytes)))
    },
    document: () => getSpace(space.ports.store, id),
  }
}
const talkersAt = (frame: number) => (frame < 100 ? [] : ['ana00000'])

test('the archive lists the segments and what changed on stage; the space is ended and its replay ready', async () => {
  const space = await recorded()
  await space.archive()
  const sizes = await Promise.all(
    [0, 1, 2].map(async (msn) => (await space.ports.objects.get(aacSegmentKey(space.job.id, msn)))!.length),
  )
  const durationMs = Math.round((207 * 1024) / 48)
  expect(await space.read()).toEqual({
    v: 1,
    id: space.job.id,
    title: 'Tea',
    startedAt: space.job.startedAt,
    durationMs,
    segments: [
      { msn: 0, frames: 90, bytes: sizes[0] },
      { msn: 1, frames: 90, bytes: sizes[1] },
      { msn: 2, frames: 27, bytes: sizes[2] },
    ],
    events: [
      { ...stage('Tea'), frame: 0 },
      { type: 'talking', ids: ['ana00000'], frame: 144 },
    ],
  })
  expect(await space.document()).toMatchObject({
    state: 'ended',
    endReason: 'lost',
    endedAt: space.job.startedAt + durationMs,
    replay: { state: 'ready', durationMs },
  })
})

test('a segment that is missing or damaged is a gap of its length, and the rest plays on', async () => {
  const space = await recorded()
  const { objects } = space.ports
  await objects.delete(aacSegmentKey(space.job.id, 0))
  const damaged = (await objects.get(aacSegmentKey(space.job.id, 1)))!.subarray(0, 999)
  await objects.delete(aacSegmentKey(space.job.id, 1))
  await objects.put(aacSegmentKey(space.job.id, 1), damaged, 'audio/mp4')
  await space.archive()
  const archive = await space.read()
  expect(archive?.segments).toEqual([
    { msn: 0, frames: 90, bytes: 0, gap: true },
    { msn: 1, frames: 90, bytes: 0, gap: true },
    { msn: 2, frames: 27, bytes: expect.any(Number) as number },
  ])
  expect(archive?.durationMs).toBe(Math.round((207 * 1024) / 48))
})

test('a space of which nothing is stored has an empty replay and no archive', async () => {
  const space = await recorded(0)
  await space.archive()
  expect(await space.read()).toBeUndefined()
  expect((await space.document())?.replay).toEqual({ state: 'empty' })
})

test('a second run writes the same', async () => {
  const space = await recorded()
  await space.archive()
  const first = await space.read()
  await space.archive()
  expect(await space.read()).toEqual(first)
})
