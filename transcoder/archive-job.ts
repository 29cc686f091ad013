import type { Archive, ArchiveSegment } from '@odeon/common/archive.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { aacInitKey, aacSegmentKey, archiveKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { asEnded, getSpace, updateSpace } from '@odeon/common/space.ts'
import { AAC_FRAME_SAMPLES, SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
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
 * died). May run again: it writes the same. Holds one segment at a time and the reduced events.
 */
export async function runArchiveJob({ job, ports, logger }: ArchiveJobOptions): Promise<void> {
  const { store, objects } = ports
  const { id, startedAt } = job
  const stored = await storedSegments(objects, id)
  const segments: ArchiveSegment[] = []
  const reducer = new EventReducer()
  const count = Math.max(-1, ...stored) + 1
  for (let msn = 0; msn < count; msn++) {
    const bytes = stored.has(msn) ? await objects.get(aacSegmentKey(id, msn)) : undefined
    try {
      if (!bytes) throw new Error('It is not stored.')
      const content = readSegment(bytes)
      segments.push({ msn, frames: content.frames, bytes: bytes.length })
      for (const chunk of content.events) for (const event of chunk.events) reducer.add(event)
    } catch (error) {
      segments.push({ msn, frames: FRAMES_PER_AAC_SEGMENT, bytes: 0, gap: true })
      logger.warn({ space: id, msn, error: messageOf(error) }, 'A segment is missing from the replay.')
    }
  }
  const frames = segments.reduce((sum, segment) => sum + segment.frames, 0)
  const durationMs = Math.round((frames * AAC_FRAME_SAMPLES * 1000) / SAMPLE_RATE)

  if (reducer.dropped > 0)
    logger.warn({ space: id, dropped: reducer.dropped }, 'There were more posts than a replay holds.')
  if (count > 0) {
    const title = (await getSpace(store, id))?.title
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
      replay: count > 0 ? { state: 'ready', durationMs } : { state: 'empty' },
    }))
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'unknown_space')) throw error
    logger.warn({ space: id }, 'The space of a replay is gone.')
  }
}
