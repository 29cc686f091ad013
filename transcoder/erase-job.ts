import { Archive } from '@odeon/common/archive.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { archiveKey, archivingKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Objects, Ports } from '@odeon/common/ports.ts'
import { getSpace, updateSpace } from '@odeon/common/space.ts'
import { FRAMES_PER_SEGMENT, MAX_HOLE_MS, SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
import { alone } from './alone.ts'
import { eraseFrom } from './eraser.ts'
import { EventReducer } from './reduce-events.ts'

export interface EraseJobOptions {
  job: SpaceJob
  ports: Pick<Ports, 'store' | 'objects'>
  logger: Logger
}

/** After a failover a post may be once more where the next mixer began: so many segments later at most. */
const LATER = Math.ceil(((MAX_HOLE_MS / 1000 + 5) * SAMPLE_RATE) / SEGMENT_SAMPLES)

/**
 * Takes the posts that a host removed from a replay (`erase` in the space's document) out of it: out of the segments first, then out of `archive.json`,
 * then they are struck off the list. So it may die anywhere and run again, and the same post twice is nothing the second time. What it
 * reads does not depend on how long the space was, but on how long the post was pinned.
 */
export async function runEraseJob({ job: { id }, ports, logger }: EraseJobOptions): Promise<void> {
  const { store, objects } = ports
  await alone(store, archivingKey(id), async (signal) => {
    for (;;) {
      const space = await getSpace(store, id)
      const ids = new Set(space?.erase)
      // An archive that is still to be made is made without them.
      if (ids.size === 0 || space?.replay.state !== 'ready') return
      await eraseFromReplay({ id, objects, ids, logger, signal })
      await updateSpace(store, id, (now) => ({ ...now, erase: now.erase.filter((post) => !ids.has(post)) }))
      logger.info({ space: id, posts: [...ids] }, 'posts were taken out of a replay')
    }
  })
}

interface Erasing {
  id: string
  objects: Objects
  ids: ReadonlySet<string>
  logger: Logger
  signal: AbortSignal
}

async function eraseFromReplay({ id, objects, ids, logger, signal }: Erasing): Promise<void> {
  const body = await objects.get(archiveKey(id))
  if (!body) return
  const archive = Archive.parse(JSON.parse(new TextDecoder().decode(body)))
  for (const msn of segmentsWith(archive, ids)) {
    signal.throwIfAborted()
    await eraseFrom(objects, id, msn, ids, logger)
  }
  const reducer = new EventReducer()
  for (const event of archive.events) reducer.add(event)
  const end = archive.segments.length * FRAMES_PER_SEGMENT
  for (const post of ids) reducer.add({ type: 'unpost', id: post, frame: end })
  signal.throwIfAborted()
  const without: Archive = { ...archive, events: reducer.events }
  await objects.put(archiveKey(id), new TextEncoder().encode(JSON.stringify(without)), 'application/json')
}

/** Where the text of these posts may be: where they were written, and wherever they were pinned. */
export function segmentsWith({ events, segments }: Archive, ids: ReadonlySet<string>): Set<number> {
  const found = new Set<number>()
  const add = (from: number, to: number): void => {
    for (let msn = from; msn <= Math.min(to, segments.length - 1); msn++) found.add(msn)
  }
  let pinnedFrom: number | undefined
  for (const event of events) {
    const msn = Math.floor(event.frame / FRAMES_PER_SEGMENT)
    if (event.type === 'post' && ids.has(event.id)) add(msn, msn + LATER)
    if (event.type !== 'pin') continue
    if (pinnedFrom !== undefined) add(pinnedFrom, msn)
    pinnedFrom = event.post && ids.has(event.post.id) ? msn : undefined
  }
  if (pinnedFrom !== undefined) add(pinnedFrom, Infinity)
  return found
}
