import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../logger.ts'
import { Counter, type Registry } from '../../metrics.ts'
import type { Ports } from '../../ports.ts'
import { openInProcessJobs } from './jobs.ts'
import { openMemoryLog, type MemoryLog } from './log.ts'
import { openFolderObjects } from './objects.ts'
import { openSqliteStore } from './store.ts'

export interface EmbeddedOptions {
  /** Holds `odeon.sqlite` and `objects/`; made if needed. */
  folder: string
  logger: Logger
  /** Where what the log dropped is counted; nowhere unless told. */
  registry?: Registry
}

/** Everything in one process and one folder: no service needed. */
export async function openEmbeddedPorts({ folder, logger, registry }: EmbeddedOptions): Promise<Ports> {
  mkdirSync(folder, { recursive: true })
  const log = openMemoryLog()
  if (registry) countDrops(log, registry)
  return {
    log,
    store: openSqliteStore({ file: join(folder, 'odeon.sqlite') }),
    jobs: openInProcessJobs({ logger }),
    objects: await openFolderObjects({ folder: join(folder, 'objects') }),
  }
}

function countDrops(log: MemoryLog, registry: Registry): void {
  const counters = [
    ['odeon_log_dropped_entries_total', 'Entries that a full memory log dropped.', () => log.dropped],
    ['odeon_log_refused_waiters_total', 'Readers for whom there was no place to wait.', () => log.turnedAway],
  ] as const
  for (const [name, help, read] of counters)
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
}
