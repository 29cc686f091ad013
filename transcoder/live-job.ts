import { ARCHIVE_QUEUE, chunksKey, inboxKey, liveQueue, logKey, REPLICAS } from '@odeon/common/keys.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { RENDITIONS } from '@odeon/common/rendition.ts'
import { writeAacChunks, type AacOptions } from './aac-chunks.ts'
import { writeOpusChunks } from './opus-chunks.ts'
import { storeSegments } from './segment-store.ts'

/** When the `signal` aborts, the job stops without ending the space, and throws its reason: another goes on. */
export interface LiveJobOptions extends AacOptions {
  ports: Ports
}

/** The logs of a space that is over, for those who still listen to its end. */
const EXPIRE_MS = 5 * 60_000

/**
 * Turns the log of a space into chunks and its chunks into stored segments, until its end is stored and the archive job ordered. May run
 * twice at once, and again after any interruption: it goes on after the newest chunk.
 */
export async function runLiveJob(options: LiveJobOptions): Promise<void> {
  const { job, ports, logger, metrics } = options
  const failed = new AbortController()
  const over = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const guard = async (task: Promise<void>) => {
    try {
      await task
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  metrics.liveJobs.inc()
  try {
    const tasks = await Promise.allSettled([
      guard(writeAacChunks({ ...options, signal }).then(() => over.abort())),
      guard(writeOpusChunks({ ...options, signal })),
      guard(storeSegments({ id: job.id, ports, logger, metrics, signal, over: over.signal })),
    ])
    if (failed.signal.aborted) throw failed.signal.reason
    for (const task of tasks) if (task.status === 'rejected') throw task.reason
    await ports.jobs.add(ARCHIVE_QUEUE, job.id, job)
    const { id } = job
    // Nobody of that replica ever took it, and nothing is left to do.
    for (const replica of REPLICAS) await ports.jobs.forget(liveQueue(replica), id)
    const chunks = Object.values(RENDITIONS).map(({ name }) => chunksKey(id, name))
    for (const key of [logKey(id), inboxKey(id), ...chunks]) await ports.log.expire(key, EXPIRE_MS)
  } finally {
    metrics.liveJobs.dec()
  }
}
