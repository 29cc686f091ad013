import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../logger.ts'
import type { Ports } from '../../ports.ts'
import { openInProcessJobs } from './jobs.ts'
import { openMemoryLog } from './log.ts'
import { openFolderObjects } from './objects.ts'
import { openSqliteStore } from './store.ts'

export interface EmbeddedOptions {
  /** Holds `odeon.sqlite` and `objects/`; made if needed. */
  folder: string
  logger: Logger
}

/** Everything in one process and one folder: no service needed. */
export async function openEmbeddedPorts({ folder, logger }: EmbeddedOptions): Promise<Ports> {
  mkdirSync(folder, { recursive: true })
  return {
    log: openMemoryLog(),
    store: openSqliteStore({ file: join(folder, 'odeon.sqlite') }),
    jobs: openInProcessJobs({ logger }),
    objects: await openFolderObjects({ folder: join(folder, 'objects') }),
  }
}
