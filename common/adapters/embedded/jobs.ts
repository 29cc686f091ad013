import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Jobs } from '../../ports.ts'

/** Jobs in this process. What waits when it ends is lost: whoever starts again adds what is still to be done. */
export interface InProcessJobsOptions {
  logger: Logger
  /** Pause before a failed job is run again, ms, doubled each time. 1 s to 30 s unless told. */
  retry?: { first: number; longest: number }
}

interface Waiting {
  id: string
  data: unknown
}

interface Queue {
  waiting: Waiting[]
  /** Ids that wait or run. */
  known: Set<string>
  /** What each open worker does when a job waits; the newest takes it, or whoever has room. */
  workers: (() => void)[]
}

const offer = ({ workers }: Queue): void => {
  for (const take of workers.toReversed()) take()
}

export function openInProcessJobs({
  logger,
  retry = { first: 1000, longest: 30_000 },
}: InProcessJobsOptions): Jobs {
  const queues = new Map<string, Queue>()
  const workers = new Set<{ close(): Promise<void> }>()

  const queueOf = (name: string): Queue => {
    let queue = queues.get(name)
    if (!queue) queues.set(name, (queue = { waiting: [], known: new Set(), workers: [] }))
    return queue
  }

  return {
    add(name, id, data) {
      const queue = queueOf(name)
      if (!queue.known.has(id)) {
        queue.known.add(id)
        queue.waiting.push({ id, data })
        offer(queue)
      }
      return Promise.resolve()
    },

    forget(name, id) {
      const queue = queueOf(name)
      const at = queue.waiting.findIndex((job) => job.id === id)
      if (at >= 0) {
        queue.waiting.splice(at, 1)
        queue.known.delete(id)
      }
      return Promise.resolve()
    },

    work(name, handler, { most = Infinity } = {}) {
      const queue = queueOf(name)
      const abort = new AbortController()
      const running = new Set<Promise<void>>()

      const run = async ({ id, data }: Waiting): Promise<void> => {
        for (let wait = retry.first; ; wait = Math.min(wait * 2, retry.longest)) {
          try {
            await handler({ id, data, signal: abort.signal })
            queue.known.delete(id)
            return
          } catch (error) {
            if (!abort.signal.aborted)
              logger.warn({ queue: name, job: id, err: messageOf(error) }, 'job failed; once more')
          }
          await pause(wait, undefined, { signal: abort.signal }).catch(() => {})
          if (abort.signal.aborted) {
            queue.waiting.push({ id, data }) // Another worker may take it up.
            offer(queue)
            return
          }
        }
      }
      const take = (): void => {
        for (const job of queue.waiting.splice(0, most - running.size)) {
          const work = run(job).finally(() => {
            running.delete(work)
            if (!abort.signal.aborted) take()
          })
          running.add(work)
        }
      }
      queue.workers.push(take)
      queueMicrotask(() => {
        if (!abort.signal.aborted) take()
      })

      let closing: Promise<void> | undefined
      const worker = {
        close: () =>
          (closing ??= (async () => {
            queue.workers = queue.workers.filter((other) => other !== take)
            abort.abort()
            await Promise.all(running)
            workers.delete(worker)
          })()),
      }
      workers.add(worker)
      return worker
    },

    async close() {
      await Promise.all([...workers].map((worker) => worker.close()))
    },
  }
}
