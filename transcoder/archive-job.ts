import type { Archive, ArchiveSegment } from '@odeon/common/archive.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { aacInitKey, aacSegmentKey, archiveKey, archivingKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { holdsPosts } from '@odeon/common/removed-posts.ts'
import { asEnded, getSpace, updateSpace } from '@odeon/common/space.ts'
import { AAC_FRAME_SAMPLES, FRAMES_PER_SEGMENT, SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
import { alone } from './alone.ts'
import { eraseFrom } from './eraser.ts'
import { EventReducer } from './reduce-events.ts'
import { readSegment } from './segment-reader.ts'
import { storedSegments } from './segment-store.ts'

export interface ArchiveJobOptions {
  job: SpaceJob
  ports: Pick<Ports, 'store' | 'objects'>
  logger: Logger
}

const FRAMES_PER_AAC_SEGMENT = SEGMENT_SAMPLES / AAC_FRAME_SAMPLES

/**
 * Makes a replay of what is stored of a space: `archive.json`, and `replay` in its document, which is ended if it was not (its process
 * died). Takes out of the segments what was removed and is still there. May run again: it writes the same. Holds one segment at a time and the
 * reduced events. Throws `busy` (503) while another one is at it.
 */
export const runArchiveJob = (options: ArchiveJobOptions): Promise<void> =>
  alone(options.ports.store, archivingKey(options.job.id), (signal) => makeArchive(options, signal))

async function makeArchive({ job, ports, logger }: ArchiveJobOptions, signal: AbortSignal): Promise<void> {
  const { store, objects } = ports
  const { id, startedAt } = job
  const stored = await storedSegments(objects, id)
  const segments: ArchiveSegment[] = []
  const reducer = new EventReducer()
  const count = [...stored].reduce((most, msn) => Math.max(most, msn), -1) + 1
  const withPosts: number[] = []
  const removed = new Set<string>()
  for (let msn = 0; msn < count; msn++) {
    signal.throwIfAborted()
    const bytes = stored.has(msn) ? await objects.get(aacSegmentKey(id, msn)) : undefined
    try {
      if (!bytes) throw new Error('It is not stored.')
      const content = readSegment(bytes)
      segments.push({ msn, frames: content.frames, bytes: bytes.length })
      for (const event of content.events.flatMap(({ events }) => events)) {
        reducer.add(event)
        if (event.type === 'unpost') removed.add(event.id)
      }
      if (holdsPosts(bytes)) withPosts.push(msn)
    } catch (error) {
      segments.push({ msn, frames: FRAMES_PER_AAC_SEGMENT, bytes: 0, gap: true })
      logger.warn({ space: id, msn, error: messageOf(error) }, 'A segment is missing from the replay.')
    }
  }
  const frames = segments.reduce((sum, segment) => sum + segment.frames, 0)
  const durationMs = Math.round((frames * AAC_FRAME_SAMPLES * 1000) / SAMPLE_RATE)

  const space = await getSpace(store, id)
  const erase = new Set(space?.erase)
  for (const post of erase) {
    removed.add(post)
    reducer.add({ type: 'unpost', id: post, frame: count * FRAMES_PER_SEGMENT })
  }
  if (removed.size > 0)
    for (const msn of withPosts) {
      signal.throwIfAborted()
      await eraseFrom(objects, id, msn, removed, logger)
    }

  if (reducer.dropped > 0)
    logger.warn({ space: id, dropped: reducer.dropped }, 'There were more posts than a replay holds.')
  if (count > 0) {
    const title = space?.title
    const archive: Archive = {
      v: 1,
      id,
      ...(title !== undefined && { title }),
      startedAt,
      durationMs,
      segments,
      events: reducer.events,
    }
    await objects.put(aacInitKey(id), aacInit(), 'audio/mp4')
    await objects.put(archiveKey(id), new TextEncoder().encode(JSON.stringify(archive)), 'application/json')
  }
  try {
    await updateSpace(store, id, (space) => ({
      ...asEnded(space, 'lost', startedAt + durationMs),
      erase: space.erase.filter((post) => !erase.has(post)),
      replay: count > 0 ? { state: 'ready', durationMs } : { state: 'empty' },
    }))
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'unknown_space')) throw error
    logger.warn({ space: id }, 'The space of a replay is gone.')
  }
}
