import { chunkId, chunkPosition, decodeChunk } from '@odeon/common/chunk.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { messageOf } from '@odeon/common/errors.ts'
import { frameOf } from '@odeon/common/frame.ts'
import { aacChunksKey, aacInitKey, aacSegmentKey, aacSegmentPrefix, logKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { FIRST, type Entry, type EntryId, type Log, type Objects, type Ports } from '@odeon/common/ports.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { FRAMES_PER_SEGMENT, SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
import { concat } from '@odeon/common/boxes.ts'
import { Eraser } from './eraser.ts'
import type { TranscoderMetrics } from './metrics.ts'
import { untilDone } from './retry.ts'

export interface SegmentStoreOptions {
  id: string
  ports: Pick<Ports, 'log' | 'objects'>
  logger: Logger
  metrics: TranscoderMetrics
  signal: AbortSignal
  /** Aborts once the last chunk is written. */
  over: AbortSignal
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000
const WAIT_MS = 1000
const segmentsIn = (seconds: number) => Math.ceil((seconds * SAMPLE_RATE) / SEGMENT_SAMPLES)
/** Chunks are kept this long for listeners, and on until they are stored. */
export const KEPT_SEGMENTS = segmentsIn(60)
/** But nothing is kept longer than 30 minutes. */
const MOST_SEGMENTS = segmentsIn(30 * 60)

/**
 * Follows the chunks log and puts each complete segment into the object store, as its chunks stand in the log but for posts that were removed; then
 * trims both logs.
 * While the object store fails it holds one segment and tries again; the rest waits in the log. Returns when the last segment is stored;
 * throws the signal's reason when that aborts.
 */
export async function storeSegments({
  id,
  ports,
  logger,
  metrics,
  signal,
  over,
}: SegmentStoreOptions): Promise<void> {
  const { log, objects } = ports
  const key = aacChunksKey(id)
  const trimmer = new Trimmer(log, id)
  const wholeOrOver = AbortSignal.any([signal, over])
  const stubbornly = <T>(task: () => Promise<T>): Promise<T> =>
    untilDone(task, {
      signal,
      firstMs: FIRST_PAUSE_MS,
      longestMs: LONGEST_PAUSE_MS,
      onFailure: async (error) => {
        metrics.segmentRetries.inc()
        logger.warn({ space: id, error: messageOf(error) }, 'Storing segments failed; trying again.')
        await trim()
      },
    })
  const trim = async () => {
    try {
      await trimmer.trim(confirmed)
    } catch (error) {
      logger.warn({ space: id, error: messageOf(error) }, 'Trimming failed; the next segment tries again.')
    }
  }

  const eraser = new Eraser({
    id,
    objects,
    logger,
    stubbornly,
    onErased: () => metrics.segmentsErased.inc(),
  })

  /** The newest msn up to which everything is stored, or can't be stored any more; -1 for none. */
  let confirmed = -1
  await stubbornly(() => objects.put(aacInitKey(id), aacInit(), 'audio/mp4'))
  const stored = await stubbornly(() => storedSegments(objects, id))
  while (stored.has(confirmed + 1)) confirmed++

  // From the last confirmed one on, not the one after: it may hold the `last` chunk.
  let after: EntryId = { major: Math.max(0, confirmed), minor: 0 }
  let chunks: Entry[] = []
  for (;;) {
    const entries = await stubbornly(() => nextChunks(after))
    signal.throwIfAborted()
    for (const entry of entries) {
      after = entry.id
      const { msn, chunk } = chunkPosition(entry.id)
      if (chunks.length > 0 && chunks[0]!.id.major !== msn) chunks = []
      chunks.push(entry)
      const { last } = decodeChunk(entry.body)
      if (chunk + 1 < AAC.chunksPerSegment && !last) continue
      if (chunks.length === chunk + 1) await store(msn, chunks)
      else if (!stored.has(msn)) lose(msn)
      chunks = []
      confirmed = Math.max(confirmed, msn)
      await trim()
      if (last) return
    }
  }

  /** Those of a whole segment, by one wake: nothing is done before it is whole. Fewer when the space is over, and once in a while. */
  async function nextChunks(after: EntryId): Promise<Entry[]> {
    const limit = AAC.chunksPerSegment
    if (over.aborted) return log.read(key, after, { limit, waitMs: WAIT_MS, signal })
    await log.read(key, beforeLastOf(after), { limit: 1, waitMs: WAIT_MS, signal: wholeOrOver })
    return log.read(key, after, { limit })
  }

  async function store(msn: number, segment: readonly Entry[]): Promise<void> {
    const chunks = concat(...segment.map(({ body }) => decodeChunk(body).bytes))
    if (chunks.length === 0) return
    const bytes = await eraser.pass(msn, chunks)
    if (stored.has(msn)) return
    await stubbornly(() => objects.put(aacSegmentKey(id, msn), bytes, 'audio/mp4'))
    metrics.segmentsStored.inc()
  }

  function lose(msn: number): void {
    metrics.segmentsLost.inc()
    logger.error({ space: id, msn }, 'Chunks of a segment were gone before it was stored.')
  }
}

/** The id below the last chunk of the segment that goes on after `after`. */
function beforeLastOf(after: EntryId): EntryId {
  const { chunksPerSegment } = AAC
  const msn = after.minor < chunksPerSegment ? after.major : after.major + 1
  return chunkId({ msn, chunk: chunksPerSegment - 2 })
}

/** The media sequence numbers that are stored. */
export async function storedSegments(objects: Objects, id: string): Promise<Set<number>> {
  const prefix = aacSegmentPrefix(id)
  const names = (await objects.list(prefix)).map(({ key }) => /^(\d+)\.m4s$/.exec(key.slice(prefix.length)))
  return new Set(names.filter((match) => match !== null).map((match) => Number(match[1])))
}

/**
 * Keeps both logs of a space bounded: chunks for 60 s and until they are stored, the space log from one segment before the newest
 * confirmed one on, nothing longer than 30 minutes.
 */
class Trimmer {
  readonly #log: Log
  readonly #id: string
  /** Every entry up to here is trimmed. */
  #trimmed: EntryId = FIRST

  constructor(log: Log, id: string) {
    this.#log = log
    this.#id = id
  }

  async trim(confirmed: number): Promise<void> {
    const chunks = await this.#log.newest(aacChunksKey(this.#id))
    if (chunks) {
      const newest = chunks.id.major
      const before = Math.max(newest - MOST_SEGMENTS, Math.min(confirmed + 1, newest - KEPT_SEGMENTS))
      if (before > 0) await this.#log.trim(aacChunksKey(this.#id), { major: before, minor: 0 })
    }
    const key = logKey(this.#id)
    const newest = await this.#log.newest(key)
    if (!newest) return
    const oldest = frameOf(newest.id) - MOST_SEGMENTS * FRAMES_PER_SEGMENT
    const before = await this.#firstAt(key, Math.max(oldest, (confirmed - 1) * FRAMES_PER_SEGMENT))
    if (before) await this.#log.trim(key, before)
  }

  /** The id of the first entry at or after a frame. It is found by reading, since the epochs of the entries are not known. */
  async #firstAt(key: string, frame: number): Promise<EntryId | undefined> {
    if (frame <= 0) return undefined
    for (;;) {
      const entries = await this.#log.read(key, this.#trimmed, { limit: 2 * FRAMES_PER_SEGMENT })
      if (entries.length === 0) return undefined
      for (const { id } of entries) {
        if (frameOf(id) >= frame) return id
        this.#trimmed = id
      }
    }
  }
}
