import { messageOf } from '@odeon/common/errors.ts'
import { framesUpTo } from '@odeon/common/frame.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { ARCHIVE_QUEUE, liveQueue, logKey, ownerKey, type Replica } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Entry, Ports } from '@odeon/common/ports.ts'
import { asEnded, listSpaces, updateSpace, type Space } from '@odeon/common/space.ts'
import { FRAME_MS, MAX_HOLE_MS } from '@odeon/common/time.ts'
import { orderErasing } from './erase-from-replay.ts'
import { createFaceSweep } from './old-faces.ts'

export interface JanitorOptions {
  ports: Ports
  logger: Logger
  /** False where the log dies with the process: then a space that was live before this start can't go on. */
  logIsDurable: boolean
  /** By which a live space is transcoded, where the jobs outlive a process; none unless told. */
  replicas?: readonly Replica[]
  now?: () => number
  everyMs?: number
}

export interface Janitor {
  /** Looks once; also done at the start and then every ten seconds. */
  sweep(): Promise<void>
  close(): Promise<void>
}

/** Pictures of people are looked at so often; first, so long after the start. */
const FACES_EVERY_MS = 3600_000

/** Ends spaces that nobody mixes any more, sees to it that a replay is made of what was stored, and deletes pictures that nobody has any more. */
export function superviseSpaces(options: JanitorOptions): Janitor {
  const { ports, logger, logIsDurable, replicas = [], now = Date.now, everyMs = 10_000 } = options
  const openedAt = now()
  const sweepFaces = createFaceSweep({ ports, now })
  let facesLookedAt = openedAt

  const isAbandoned = async ({ id, startedAt = 0 }: Space): Promise<boolean> => {
    if (!logIsDurable && startedAt < openedAt) return true
    if (await ports.store.holder(ownerKey(id))) return false
    const newest = await ports.log.newest(logKey(id))
    const heardUntil = startedAt + (newest ? framesHeard(newest) * FRAME_MS : 0)
    return now() - heardUntil > MAX_HOLE_MS
  }

  /** Of a damaged entry the id still tells. */
  const framesHeard = (newest: Entry): number => {
    try {
      return framesUpTo(newest)
    } catch {
      return newest.id.minor
    }
  }

  const archive = ({ id, startedAt = 0 }: Space): Promise<void> => {
    const job: SpaceJob = { id, startedAt }
    return ports.jobs.add(ARCHIVE_QUEUE, id, job)
  }

  const sweep = async (): Promise<void> => {
    for (const space of await listSpaces(ports.store)) {
      try {
        await lookAfter(space)
      } catch (error) {
        logger.error({ space: space.id, err: messageOf(error) }, 'this space could not be looked after')
      }
    }
    if (now() - facesLookedAt < FACES_EVERY_MS) return
    facesLookedAt = now()
    const deleted = await sweepFaces()
    if (deleted > 0) logger.info({ deleted }, 'pictures that nobody has any more were deleted')
  }

  const lookAfter = async (space: Space): Promise<void> => {
    if (space.state === 'live' && (await isAbandoned(space))) {
      let ours = false as boolean
      const ended = await updateSpace(ports.store, space.id, (current) => {
        ours = current.state === 'live' && current.startedAt === space.startedAt
        return ours ? asEnded(current, 'abandoned', now()) : current
      })
      if (!ours) return // Ended or started anew since we looked: whoever did it sees to the rest.
      logger.warn({ space: space.id }, 'nobody mixes this space any more: ended')
      await archive(ended)
    } else if (space.state === 'live') {
      // Does nothing while there is one: the node that started the space may have died before it ordered them.
      const job: SpaceJob = { id: space.id, startedAt: space.startedAt ?? 0 }
      for (const replica of replicas) await ports.jobs.add(liveQueue(replica), space.id, job)
    } else if (space.replay.state === 'ready' && space.erase.length > 0) {
      await orderErasing(ports.jobs, space) // Does nothing while there is one: the last may have been lost.
    } else if (!logIsDurable && space.replay.state === 'preparing' && (space.endedAt ?? 0) < openedAt) {
      await archive(space) // The job was lost with the process that had it.
    }
  }

  let sweeping: Promise<void> = Promise.resolve()
  const next = (): Promise<void> =>
    (sweeping = sweeping.then(sweep).catch((error: unknown) => {
      logger.error({ err: messageOf(error) }, 'the spaces could not be looked after')
    }))
  void next()
  let looking = false
  const timer = setInterval(() => {
    if (looking) return // A slow store: one look at a time, none in a queue.
    looking = true
    void next().finally(() => (looking = false))
  }, everyMs)
  return {
    sweep: next,
    close() {
      clearInterval(timer)
      return sweeping
    },
  }
}
