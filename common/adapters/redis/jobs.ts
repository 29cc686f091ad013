import { Queue, WaitingError, Worker as BullWorker, type Job as BullJob, type QueueOptions } from 'bullmq'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Jobs, Worker } from '../../ports.ts'
import type { RedisConnection } from './connection.ts'

/** Jobs in BullMQ, which only this file knows. A queue's name is a hash tag, `{live-a}`: all its keys lie on one slot. */
export interface RedisJobsOptions {
  redis: RedisConnection
  logger: Logger
  /** Pause before a failed job is run again, ms, doubled each time. 1 s to 30 s unless told. */
  retry?: { first: number; longest: number }
}

interface JobData {
  id: string
  data: unknown
}

/** A worker that is silent so long has died, and its jobs are others'. */
const LOCK_MS = 2000
const STALLED_CHECK_MS = 500
/** Jobs that one worker runs at once: live jobs wait most of the time. */
const CONCURRENCY = 1000
const WITHOUT_END = 1_000_000_000
const ADD_MS = 4000

export function openRedisJobs({
  redis,
  logger,
  retry = { first: 1000, longest: 30_000 },
}: RedisJobsOptions): Jobs {
  const client = redis.client()
  const options = { connection: client, skipVersionCheck: true } satisfies QueueOptions
  const queues = new Map<string, Queue>()
  const workers = new Set<Worker>()

  const queueOf = (name: string): Queue => {
    let queue = queues.get(name)
    if (!queue) {
      queue = new Queue(name, { ...options, streams: { events: { maxLen: 1000 } } })
      queue.on('error', () => {}) // The connection has said it.
      queues.set(name, queue)
    }
    return queue
  }

  return {
    async add(name, id, data) {
      const job: JobData = { id, data }
      const adding = queueOf(name).add('job', job, {
        jobId: jobId(id),
        attempts: WITHOUT_END,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: true,
        stackTraceLimit: 1,
      })
      await inTime(adding, redis)
    },

    async forget(name, id) {
      await inTime(queueOf(name).remove(jobId(id)), redis) // Which leaves what is locked.
    },

    work(name, handler, { most = CONCURRENCY } = {}) {
      const abort = new AbortController()
      /** Jobs that run here, by BullMQ's id. */
      const running = new Map<string, AbortController>()

      const run = async (job: BullJob<JobData>, token: string | undefined): Promise<void> => {
        const { id, data } = job.data
        if (abort.signal.aborted) return giveBack(job, token) // It came while we were closing.
        const lost = new AbortController()
        running.set(job.id!, lost)
        try {
          await handler({ id, data, signal: AbortSignal.any([abort.signal, lost.signal]) })
        } catch (error) {
          if (abort.signal.aborted && !lost.signal.aborted) {
            return await giveBack(job, token)
          }
          if (!lost.signal.aborted)
            logger.warn({ queue: name, job: id, err: messageOf(error) }, 'job failed; once more')
          throw error instanceof Error ? error : new Error(messageOf(error))
        } finally {
          running.delete(job.id!)
        }
      }

      const bull = new BullWorker<JobData, void>(name, run, {
        ...options,
        concurrency: most,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: WITHOUT_END,
        drainDelay: 2,
        settings: {
          backoffStrategy: (attempts) =>
            Math.min(retry.first * 2 ** Math.min(attempts - 1, 20), retry.longest),
        },
      })
      bull.on('error', (error) =>
        logger.debug({ queue: name, err: messageOf(error) }, 'the queue failed; trying again'),
      )
      // Its lock ran out while this process or Redis was away: somebody else has the job, or will have in a moment.
      bull.on('lockRenewalFailed', (ids: string[]) => {
        for (const id of ids) {
          logger.warn({ queue: name, job: id }, 'this job was away too long and is run anew')
          running.get(id)?.abort(new Error('The job is run by another.'))
        }
      })

      let closing: Promise<void> | undefined
      const worker: Worker = {
        close: () =>
          (closing ??= (async () => {
            const stopped = bull.close()
            abort.abort()
            await stopped
            workers.delete(worker)
          })()),
      }
      workers.add(worker)
      return worker
    },

    async close() {
      await Promise.all([...workers].map((worker) => worker.close()))
      await Promise.all([...queues.values()].map((queue) => queue.close()))
      client.disconnect()
    },
  }
}

/** BullMQ takes neither numbers nor colons. */
const jobId = (id: string): string => `job-${encodeURIComponent(id)}`

/** Another worker has it at once, without the pause of a failure. */
async function giveBack(job: BullJob, token: string | undefined): Promise<never> {
  await job.moveToWait(token)
  throw new WaitingError()
}

/** BullMQ waits for Redis as long as it takes; who asks wants to know. */
async function inTime(asked: Promise<unknown>, redis: RedisConnection): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ADD_MS} ms`)), ADD_MS)
  asked.catch(() => {}) // When it is late nobody else would hear of it.
  try {
    await Promise.race([asked, late])
  } catch (error) {
    throw redis.explain(error)
  } finally {
    clearTimeout(timer)
  }
}
