import { afterEach, describe, expect, test } from 'vitest'
import { Archive } from '@odeon/common/archive.ts'
import type { SpaceEvent } from '@odeon/common/events.ts'
import { aacSegmentKey, archiveKey, archivingKey, spaceKey } from '@odeon/common/keys.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { getSpace, newSpace, updateSpace } from '@odeon/common/space.ts'
import { runArchiveJob } from './archive-job.ts'
import { runEraseJob, segmentsWith } from './erase-job.ts'
import { readSegment } from './segment-reader.ts'
import { logger, openSpace } from './testing/live.ts'
import { chirp } from './testing/sound.ts'
import { opusOf, stage } from './testing/space-log.ts'

/** What is left of a post that was removed: in the stored segments, and in the archive. */

const FRAMES = 480 // Five segments.
const { packets } = await opusOf(chirp(FRAMES))
const spaces: { close(): Promise<void> }[] = []
const workers: AbortController[] = []
afterEach(async () => {
  for (const worker of workers.splice(0)) worker.abort()
  await Promise.all(spaces.splice(0).map((space) => space.close()))
})

const id = (n: number): string => `post${String(n).padStart(16, '0')}`
const post = (n: number) => ({
  id: id(n),
  by: { id: 'ben00000', name: 'Ben' },
  role: 'listener' as const,
  text: `secret ${n}`,
})
const posted = (n: number): SpaceEvent => ({ type: 'post', ...post(n) })
const pinned = (n: number): SpaceEvent => ({ type: 'pin', post: { ...post(n), frame: 10 } })
const unpost = (n: number): SpaceEvent => ({ type: 'unpost', id: id(n) })

/** As long as it takes on a busy machine. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A space on the air; `away` is set while its object store does not take anything. */
async function openRoom() {
  const store = { away: false, dieAt: '' }
  const space = await openSpace((ports): Ports => {
    const put: Ports['objects']['put'] = async (key, ...rest) => {
      if (store.away) throw new Error('away')
      if (store.dieAt && key.endsWith(store.dieAt)) throw new Error('killed')
      return ports.objects.put(key, ...rest)
    }
    return { ...ports, objects: { ...ports.objects, put } }
  })
  spaces.push(space)
  const { ports, job } = space
  const host = { id: 'ana00000', name: 'Ana' }
  await ports.store.put(
    spaceKey(job.id),
    {
      ...newSpace({ id: job.id, title: 'Tea', host, createdAt: job.startedAt }),
      state: 'live',
      startedAt: job.startedAt,
    },
    0,
  )
  const bytes = (msn: number) => ports.objects.get(aacSegmentKey(job.id, msn))
  const archived = async () => {
    const body = await ports.objects.get(archiveKey(job.id))
    return body && Archive.parse(JSON.parse(new TextDecoder().decode(body)))
  }
  const options = { job, ports, logger }
  return {
    ...space,
    store,
    bytes,
    archived,
    /** Writes frames `from` to `to`, the second not included, with a snapshot at each segment. */
    async say(from: number, to: number, events: Record<number, SpaceEvent[]> = {}) {
      for (let frame = from; frame < to; frame++) {
        const said = [...(frame % 96 === 0 ? [stage('Tea')] : []), ...(events[frame] ?? [])]
        await space.mixer.frame(frame, packets[frame]!, said)
      }
    },
    /** A live job that can be stopped on its way. */
    worker() {
      const abort = new AbortController()
      workers.push(abort)
      const stopped = expect(space.run({ signal: abort.signal })).rejects.toThrow()
      return { stop: () => (abort.abort(), stopped) }
    },
    archive: () => runArchiveJob(options),
    erase: () => runEraseJob(options),
    stored: (msn: number) => until(async () => (await bytes(msn)) !== undefined),
    /** As a host does it after the end. */
    remove: (...ids: string[]) =>
      updateSpace(ports.store, job.id, (now) => ({ ...now, erase: [...now.erase, ...ids] })),
    pending: async () => (await getSpace(ports.store, job.id))!.erase,
    async events(msn: number) {
      return readSegment((await bytes(msn))!).events.flatMap(({ events }) => events)
    },
    /** The numbers of the segments in which a text is found, and `archive` where that has it. */
    async found(text: string) {
      const where: (number | string)[] = []
      for (let msn = 0; msn < FRAMES / 96; msn++)
        if (Buffer.from((await bytes(msn)) ?? []).includes(text)) where.push(msn)
      if (JSON.stringify((await archived()) ?? '').includes(text)) where.push('archive')
      return where
    },
  }
}

/** Two posts, the first of them pinned for three segments. */
const PINNED = {
  10: [posted(1)],
  20: [posted(2)],
  30: [pinned(1)],
  96: [pinned(1)],
  192: [pinned(1)],
  200: [{ type: 'pin', post: null } as const],
}

describe('while the space is live', () => {
  test('what a segment takes away is gone from those before it, in as many bytes, and the rest is left', async () => {
    const room = await openRoom()
    const live = room.run()
    await room.say(0, 310, PINNED)
    await room.stored(2)
    expect(await room.found('secret 1')).toEqual([0, 1, 2])
    const sizes = await Promise.all([0, 1, 2].map(async (msn) => (await room.bytes(msn))!.length))
    await room.say(310, FRAMES, { 330: [unpost(1)], 340: [unpost(1)] })
    await room.mixer.end(FRAMES)
    await live
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.found('secret 2')).toEqual([0])
    expect(await Promise.all([0, 1, 2].map(async (msn) => (await room.bytes(msn))!.length))).toEqual(sizes)
    expect(await room.metric('odeon_segments_erased_total')).toBe(3)
    expect(await room.events(1)).toContainEqual({ type: 'pin', post: null, frame: 96 })
    await room.archive()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.found('secret 2')).toEqual([0, 'archive'])
  })

  test('a post and its removal in one segment are never stored, nor what a failover writes once more', async () => {
    const room = await openRoom()
    await room.say(0, FRAMES, { 10: [posted(1)], 12: [unpost(1)], 100: [posted(1)] })
    await room.mixer.end(FRAMES)
    await room.run()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.events(0)).toContainEqual({ ...unpost(1), frame: 12 })
  })

  test('a worker that takes over finds what the one before it stored', async () => {
    const room = await openRoom()
    const first = room.worker()
    await room.say(0, 310, PINNED)
    await room.stored(2)
    await first.stop()
    await room.say(310, FRAMES, { 330: [unpost(1)] })
    await room.mixer.end(FRAMES)
    await room.run()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.found('secret 2')).toEqual([0])
  })

  test('the segment with the removal is stored after it is done: who dies in between leaves it to the next', async () => {
    const room = await openRoom()
    const first = room.worker()
    await room.say(0, 310, PINNED)
    await room.stored(2)
    room.store.dieAt = '/1.m4s' // Of the three only this one can't be written.
    await room.say(310, FRAMES, { 330: [unpost(1)] })
    await room.mixer.end(FRAMES)
    await until(async () => (await room.metric('odeon_segment_store_retries_total'))! > 0)
    await first.stop()
    expect(await room.found('secret 1')).toContain(1)
    expect(await room.bytes(3)).toBeUndefined()
    room.store.dieAt = ''
    await room.run()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.bytes(4)).toBeDefined()
  })

  test('while the object store is away the removal waits, and comes when it is back', async () => {
    const room = await openRoom()
    const live = room.run()
    await room.say(0, 310, PINNED)
    await room.stored(2)
    room.store.away = true
    await room.say(310, FRAMES, { 330: [unpost(1)] })
    await room.mixer.end(FRAMES)
    await until(async () => (await room.metric('odeon_segment_store_retries_total'))! > 1)
    expect(await room.found('secret 1')).toEqual([0, 1, 2])
    room.store.away = false
    await live
    expect(await room.found('secret 1')).toEqual([])
  })

  test('what a late worker stored once more, the archive takes out', async () => {
    const room = await openRoom()
    const live = room.run()
    await room.say(0, 310, PINNED)
    await room.stored(2)
    const before = (await room.bytes(0))!
    await room.say(310, FRAMES, { 330: [unpost(1)] })
    await room.mixer.end(FRAMES)
    await live
    await room.ports.objects.put(aacSegmentKey(room.job.id, 0), before, 'audio/mp4')
    await room.archive()
    expect(await room.found('secret 1')).toEqual([])
  })
})

describe('after its end', () => {
  async function ended() {
    const room = await openRoom()
    await room.say(0, FRAMES, PINNED)
    await room.mixer.end(FRAMES)
    await room.run()
    await room.archive()
    expect(await room.found('secret 1')).toEqual([0, 1, 2, 'archive'])
    return room
  }

  test('a removed post is taken out of the segments and of the archive, which otherwise stay as they are', async () => {
    const room = await ended()
    const { events, ...before } = (await room.archived())!
    await room.remove(id(1))
    await room.erase()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.found('secret 2')).toEqual([0, 'archive'])
    const { events: left, ...after } = (await room.archived())!
    expect(after).toEqual(before)
    expect(left).toEqual([
      events[0],
      { ...posted(2), frame: 20 },
      { type: 'pin', post: null, frame: 30 },
      { type: 'pin', post: null, frame: 200 },
    ])
    expect(await room.pending()).toEqual([])
  })

  test('the same post twice, one that is not there, and nothing at all leave what was', async () => {
    const room = await ended()
    await room.remove(id(1))
    await room.erase()
    const left = async () => (await room.archived())!.events.filter(({ type }) => type !== 'pin')
    const before = await left()
    await room.remove(id(1), id(9))
    await room.erase()
    await room.erase()
    expect(await left()).toEqual(before)
    expect(await room.found('secret 2')).toEqual([0, 'archive'])
    expect(await room.pending()).toEqual([])
  })

  test.each(['/1.m4s', 'archive.json'])(
    'a job that dies before it could write %s is done by the next',
    async (at) => {
      const room = await ended()
      await room.remove(id(1))
      room.store.dieAt = at
      await expect(room.erase()).rejects.toThrow('killed')
      expect(await room.pending()).toEqual([id(1)])
      room.store.dieAt = ''
      await room.erase()
      expect(await room.found('secret 1')).toEqual([])
      expect(await room.pending()).toEqual([])
    },
  )

  test('an archive that is still to be made is made without it', async () => {
    const room = await openRoom()
    await room.say(0, FRAMES, PINNED)
    await room.mixer.end(FRAMES)
    await room.run()
    await room.remove(id(1))
    await room.erase()
    expect(await room.pending()).toEqual([id(1)])
    await room.archive()
    expect(await room.found('secret 1')).toEqual([])
    expect(await room.pending()).toEqual([])
    await room.archive() // As the other replica orders it.
    expect(await room.found('secret 2')).toEqual([0, 'archive'])
    expect(await room.found('secret 1')).toEqual([])
  })

  test('nobody takes anything out while an archive is being made', async () => {
    const room = await ended()
    await room.remove(id(1))
    const lease = (await room.ports.store.acquire(archivingKey(room.job.id), 'another', 60_000))!
    await expect(room.erase()).rejects.toMatchObject({ code: 'busy' })
    await expect(room.archive()).rejects.toMatchObject({ code: 'busy' })
    await room.ports.store.release(lease)
    await room.erase()
    expect(await room.found('secret 1')).toEqual([])
  })

  test('it reads where the post was written and where it was pinned, not the whole recording', () => {
    const archive: Archive = {
      v: 1,
      id: 'spaceofhours',
      startedAt: 0,
      durationMs: 0,
      segments: Array.from({ length: 5000 }, (_, msn) => ({ msn, frames: 90, bytes: 1 })),
      events: [
        { ...posted(1), frame: 1000 * 96 },
        { ...pinned(1), frame: 2000 * 96 },
        { type: 'pin', post: null, frame: 2002 * 96 },
        { ...pinned(2), frame: 3000 * 96 },
      ],
    }
    const of = (n: number) => [...segmentsWith(archive, new Set([id(n)]))]
    expect(of(1)).toEqual([...Array.from({ length: 35 }, (_, n) => 1000 + n), 2000, 2001, 2002])
    expect(of(2)).toHaveLength(2000)
    expect(of(3)).toEqual([])
  })
})
