import { messageOf } from '@odeon/common/errors.ts'
import { SpaceJob } from '@odeon/common/internal.ts'
import { ARCHIVE_QUEUE, ERASE_QUEUE, liveQueue, logKey, type Replica } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Registry } from '@odeon/common/metrics.ts'
import { parse } from '@odeon/common/parse.ts'
import type { Job, Ports } from '@odeon/common/ports.ts'
import { getSpace } from '@odeon/common/space.ts'
import { runArchiveJob } from './archive-job.ts'
import { runEraseJob } from './erase-job.ts'
import { runLiveJob } from './live-job.ts'
import { createTranscoderMetrics } from './metrics.ts'

export interface TranscoderOptions {
  ports: Ports
  ffmpegPath?: string
  logger: Logger
  registry: Registry
  /** Which of the two replicas this process is, where there are several; undefined where it is alone. */
  replica?: Replica
  /** Live spaces at once; as many as come unless told. The others wait for another process. */
  maxSpaces?: number
}

export interface Transcoder {
  /** Resolves when no live job runs here and the archives of those that ran here are written. Ask after the spaces were ended. */
  idle(): Promise<void>
  /** Stops the jobs where they are; spaces don't end by it, another worker goes on. */
  close(): Promise<void>
}

/** What one replica leaves to the other that was first, before it writes a chunk itself. */
const LATE_MS = 150

/** Works on the queues of live spaces, archives, and removals from them. */
export function startTranscoder({
  ports,
  ffmpegPath,
  logger,
  registry,
  replica,
  maxSpaces,
}: TranscoderOptions): Transcoder {
  const metrics = createTranscoderMetrics(registry)
  /** Jobs that run, wait to be run again, or were ordered by one that ran: `live <id>`, `archive <id>`. */
  const unfinished = new Set<string>()
  const waiting = new Set<() => void>()
  const finish = (...names: string[]) => {
    for (const name of names) unfinished.delete(name)
    if (unfinished.size > 0) return
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  const handle = (
    kind: 'live' | 'archive' | 'erase',
    run: (job: SpaceJob, signal: AbortSignal) => Promise<void>,
  ) => {
    return async ({ data, id, signal }: Job): Promise<void> => {
      let job: SpaceJob
      try {
        job = parse(SpaceJob, data, `Job ${id}`)
      } catch (error) {
        logger.error({ job: id, error: messageOf(error) }, 'A job that nobody can do is left out.')
        return
      }
      const name = `${kind} ${job.id}`
      const ordered = `archive ${job.id}` // By every live job, just before it is done.
      unfinished.add(name)
      if (kind === 'live') unfinished.add(ordered)
      try {
        await run(job, signal)
        finish(name)
      } catch (error) {
        if (signal.aborted) finish(name, ...(kind === 'live' ? [ordered] : []))
        else
          logger.error({ space: job.id, error: messageOf(error) }, `The ${kind} job failed; it is run again.`)
        throw error
      }
    }
  }
  const lateMs = replica ? LATE_MS : 0
  const live = handle('live', async (job, signal) => {
    if (replica && (await isLongOver(ports, job.id))) return
    await runLiveJob({ job, ports, ffmpegPath, logger, metrics, signal, lateMs })
  })
  const archive = handle('archive', (job) => runArchiveJob({ job, ports, logger }))
  const erase = handle('erase', (job) => runEraseJob({ job, ports, logger }))
  const most = maxSpaces === undefined ? {} : { most: maxSpaces }
  const workers = [
    ports.jobs.work(liveQueue(replica ?? 'a'), live, most),
    ports.jobs.work(ARCHIVE_QUEUE, archive),
    ports.jobs.work(ERASE_QUEUE, erase),
  ]

  let closing: Promise<void> | undefined
  return {
    async idle() {
      if (unfinished.size > 0) await new Promise<void>((resolve) => waiting.add(resolve))
    },
    close() {
      return (closing ??= Promise.all(workers.map((worker) => worker.close())).then(() => {
        unfinished.clear()
        finish()
      }))
    },
  }
}

/** A job that nobody of its replica took while the space lived, and whose log is gone by now: the other replica did it. */
async function isLongOver({ log, store }: Ports, id: string): Promise<boolean> {
  if (await log.newest(logKey(id))) return false
  return (await getSpace(store, id))?.state === 'ended'
}
