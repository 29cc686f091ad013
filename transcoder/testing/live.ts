import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { chunkPosition, decodeChunk } from '@odeon/common/chunk.ts'
import { newSpaceId } from '@odeon/common/ids.ts'
import { chunksKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { FIRST, type Ports } from '@odeon/common/ports.ts'
import { AAC, type Rendition } from '@odeon/common/rendition.ts'
import { createTranscoderMetrics } from '../metrics.ts'
import { runLiveJob, type LiveJobOptions } from '../live-job.ts'
import { mixer } from './space-log.ts'

export const logger = createLogger('silent')

/** A space on the embedded adapters, in a folder of its own. */
export async function openSpace(change: (ports: Ports) => Ports = (ports) => ports) {
  const folder = await mkdtemp(join(tmpdir(), 'odeon-'))
  const embedded = await openEmbeddedPorts({ folder, logger })
  const ports = change(embedded)
  const job = { id: newSpaceId(), startedAt: Date.now() }
  const registry = new Registry()
  const metrics = createTranscoderMetrics(registry)
  const jobs = new AbortController()
  const keyOf = ({ name }: Rendition) => chunksKey(job.id, name)

  const chunks = async (rendition = AAC) =>
    (await ports.log.read(keyOf(rendition), FIRST, { limit: 10_000 })).map((entry) => ({
      number: chunkPosition(entry.id).msn * rendition.chunksPerSegment + chunkPosition(entry.id).chunk,
      msn: chunkPosition(entry.id).msn,
      ...decodeChunk(entry.body),
    }))
  return {
    job,
    ports,
    registry,
    mixer: mixer(ports.log, job.id),
    chunks,
    metric: async (name: string) => (await registry.getSingleMetric(name)!.get()).values[0]?.value,
    run: (more: Partial<LiveJobOptions> = {}) =>
      runLiveJob({ job, ports, logger, metrics, signal: jobs.signal, ...more }),
    /** Resolves when chunk `number` is written. */
    async until(number: number, rendition = AAC) {
      const { chunksPerSegment } = rendition
      const id = { major: Math.floor(number / chunksPerSegment), minor: number % chunksPerSegment }
      while ((await ports.log.read(keyOf(rendition), id, { limit: 1, waitMs: 1000 })).length === 0);
    },
    async close() {
      jobs.abort()
      await embedded.jobs.close()
      await Promise.all([embedded.log.close(), embedded.objects.close(), embedded.store.close()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}
