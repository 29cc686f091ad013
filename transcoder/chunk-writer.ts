import { chunkId, chunkPosition, decodeChunk, encodeChunk, type Chunk } from '@odeon/common/chunk.ts'
import type { Log } from '@odeon/common/ports.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'

/** Where a worker goes on: after the newest chunk, never "now". */
export type Continuation = { kind: 'at'; position: ChunkPosition } | { kind: 'over' }

const START: ChunkPosition = { msn: 0, chunk: 0 }

export async function continuation(
  log: Log,
  key: string,
  next: (position: ChunkPosition) => ChunkPosition,
): Promise<Continuation> {
  const newest = await log.newest(key)
  if (!newest) return { kind: 'at', position: START }
  if (decodeChunk(newest.body).last) return { kind: 'over' }
  return { kind: 'at', position: next(chunkPosition(newest.id)) }
}

/** `there`: another had written it. `over`: another had written the last one. */
export type Written = 'written' | 'there' | 'over'

export interface ChunkWriterOptions {
  log: Log
  key: string
  /** How long another worker may take over a chunk before we write it, ms, once we saw that another writes. */
  lateMs: number
  signal: AbortSignal
}

/**
 * Writes chunks in order, each after the answer for the one before, so that the log has no holes and no doubles. Whoever wrote the last
 * chunk writes the next one at once; one that found it there waits for it for a while.
 */
export class ChunkWriter {
  readonly #options: ChunkWriterOptions
  #another = false

  constructor(options: ChunkWriterOptions) {
    this.#options = options
  }

  async write(position: ChunkPosition, chunk: Chunk): Promise<Written> {
    const { log, key, lateMs, signal } = this.#options
    const id = chunkId(position)
    if (this.#another && lateMs > 0)
      await log.read(key, { major: id.major, minor: id.minor - 1 }, { limit: 1, waitMs: lateMs, signal })
    if ((await log.append(key, id, encodeChunk(chunk))) === 'written') {
      this.#another = false
      return 'written'
    }
    this.#another = true
    const newest = await log.newest(key)
    return newest && decodeChunk(newest.body).last ? 'over' : 'there'
  }
}
