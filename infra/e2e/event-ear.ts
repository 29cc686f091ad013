import { setTimeout as pause } from 'node:timers/promises'
import type { ChunkEvents } from '@odeon/common/events.ts'
import { RENDITIONS, type RenditionName } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE, SEGMENT_SAMPLES, type EpochMs } from '@odeon/common/time.ts'
import { ChunkSplitter } from '@odeon/player/src/playback/growing/chunk-splitter.ts'
import { walkBoxes } from '@odeon/common/boxes.ts'
import { decodeEmsg } from '@odeon/common/emsg.ts'

/** A listener who follows the growing segments and keeps what rides in them, and when it came. For tests and benches. */
export interface EventEar {
  readonly chunks: readonly HeardChunk[]
  close(): Promise<void>
}

export interface HeardChunk {
  /** Epoch ms of its arrival, to a fraction. */
  at: number
  /** Since the start of the space. */
  sample: number
  samples: number
  events: ChunkEvents['events']
}

export interface EventEarOptions {
  /** Of the origin. */
  url: string
  id: string
  startedAt: EpochMs
  /** `aac` unless told. */
  rendition?: RenditionName
}

const epochNow = (): number => performance.timeOrigin + performance.now()

/** Begins with the segment that grows now, and the chunks that it has already. */
export function openEventEar({ url, id, startedAt, rendition = 'aac' }: EventEarOptions): EventEar {
  const chunks: HeardChunk[] = []
  const abort = new AbortController()
  const follow = async (): Promise<void> => {
    const { signal } = abort
    const now = Math.max(0, Date.now() - startedAt)
    for (let msn = Math.floor((now * SAMPLE_RATE) / 1000 / SEGMENT_SAMPLES); ; msn++) {
      let answer = await fetch(`${url}/live/${id}/${rendition}/${msn}.m4s`, { signal })
      while (chunks.length === 0 && answer.status !== 200) {
        await answer.body?.cancel()
        await pause(50, undefined, { signal }) // It has only just begun.
        answer = await fetch(`${url}/live/${id}/${rendition}/${msn}.m4s`, { signal })
      }
      const { status, body } = answer
      if (status === 404) return // The space is over.
      if (status !== 200 || !body) throw new Error(`segment ${msn}: ${status}`)
      const splitter = new ChunkSplitter(RENDITIONS[rendition])
      for await (const bytes of body) {
        const at = epochNow()
        for (const { sample, samples, bytes: chunk } of splitter.push(bytes as Uint8Array))
          chunks.push({ at, sample, samples, events: eventsIn(chunk) })
      }
    }
  }
  const following = follow().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error
  })
  following.catch(() => {}) // It is thrown at `close`.
  return {
    chunks,
    close() {
      abort.abort()
      return following
    },
  }
}

const eventsIn = (chunk: Uint8Array): ChunkEvents['events'] =>
  [...walkBoxes(chunk)].flatMap(({ type, body }) =>
    type === 'emsg' ? (decodeEmsg(body)?.events.events ?? []) : [],
  )
