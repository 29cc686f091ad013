import { setTimeout as pause } from 'node:timers/promises'
import { chunkPosition, decodeChunk, type Chunk } from '@odeon/common/chunk.ts'
import { messageOf } from '@odeon/common/errors.ts'
import { chunksKey } from '@odeon/common/keys.ts'
import { compareIds, FIRST, type Entry, type EntryId, type Log } from '@odeon/common/ports.ts'
import { postsIn } from '@odeon/common/removed-posts.ts'
import { chunkStart, type Rendition } from '@odeon/common/rendition.ts'
import { wallClock, type ChunkPosition, type EpochMs } from '@odeon/common/time.ts'
import { Audience } from './audience.ts'
import type { Complaints } from './complaints.ts'
import { Shared, type GrowingReader } from './growing.ts'
import type { OriginMetrics } from './metrics.ts'
import { livePlaylist } from './playlist.ts'
import { Prepared } from './respond.ts'
import {
  addChunk,
  chunkFault,
  createWindow,
  forget,
  forgetPosts,
  growingSegment,
  KEPT_SEGMENTS,
  type Window,
} from './window.ts'

export interface FollowOptions {
  id: string
  rendition: Rendition
  log: Log
  complaints: Complaints
  metrics: OriginMetrics
  now: () => EpochMs
}

/** One read of the log waits so long for an entry. */
const READ_WAIT_MS = 1000
const READ_LIMIT = 500
/** Pauses after a failed read, ms: doubled up to the second. */
const RETRY_MS = { first: 50, most: 2000 }
/** Between reads that answered nothing, ms: a log that does not wait, because it is closing, must not be asked in circles. */
const EMPTY_MS = 10

/**
 * One rendition of a space as its chunks log tells it. The log is read in one loop until the space ends or `close` is called; a log that can't be read is
 * tried again for as long, while the window goes on answering.
 */
export class LiveSpace {
  readonly id: string
  readonly rendition: Rendition
  readonly window: Window
  readonly audience: Audience
  /** When it was last asked for, and when its last chunk came. */
  usedAt: EpochMs
  heardAt: EpochMs

  readonly #options: FollowOptions
  readonly #key: string
  readonly #stop = new AbortController()
  readonly #waiters = new Set<() => boolean>()
  readonly #readers = new Set<GrowingReader>()
  readonly #playlists = new Map<boolean, { version: number; prepared: Prepared }>()
  #begun: { chunks: readonly Uint8Array[]; length: number; shared: Shared } | undefined
  #newest: EntryId = FIRST
  #reading: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(options: FollowOptions) {
    this.#options = options
    this.id = options.id
    this.rendition = options.rendition
    this.#key = chunksKey(options.id, options.rendition.name)
    this.window = createWindow(options.rendition)
    this.audience = new Audience(options.rendition)
    this.usedAt = this.heardAt = options.now()
  }

  /** Reads what the window keeps and goes on reading. False for a space that has no chunks; throws what the log throws. */
  async open(): Promise<boolean> {
    const { log } = this.#options
    const newest = await log.newest(this.#key)
    if (!newest) return false
    this.#newest = { major: Math.max(0, newest.id.major - KEPT_SEGMENTS + 1), minor: 0 }
    for (;;) {
      const entries = await log.read(this.#key, this.#newest, { limit: READ_LIMIT })
      for (const entry of entries) this.#take(entry)
      if (entries.length === 0 || compareIds(this.#newest, newest.id) >= 0) break
    }
    this.#reading = this.#read()
    return true
  }

  /**
   * Calls `done` with the first answer of `check` that is not undefined: at once, or after a change of the window; or with undefined
   * after `ms`, or when the space is closed. The function that it returns takes the wish back.
   */
  when<T>(check: () => T | undefined, ms: number, done: (answer: T | undefined) => void): () => void {
    const answer = check()
    if (answer !== undefined || this.#stop.signal.aborted) {
      done(answer)
      return () => {}
    }
    const cancel = (): void => {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
    const waiter = (): boolean => {
      const answer = check()
      if (answer === undefined && !this.#stop.signal.aborted) return false
      cancel()
      done(answer)
      return true
    }
    const timer = setTimeout(() => {
      cancel()
      done(undefined)
    }, ms)
    this.#waiters.add(waiter)
    return cancel
  }

  /** Gives the reader what the growing segment has and every chunk to come. The answer takes it off again. */
  follow(reader: GrowingReader): () => void {
    const segment = growingSegment(this.window)
    if (segment) {
      this.#readers.add(reader)
      reader.push(this.#soFar(segment.chunks))
    } else reader.abort()
    return () => void this.#readers.delete(reader)
  }

  /** What the growing segment has at this moment, put together once for all who come to it. */
  #soFar(chunks: readonly Uint8Array[]): Shared {
    const { length } = chunks
    if (this.#begun?.chunks !== chunks || this.#begun.length !== length)
      this.#begun = { chunks, length, shared: new Shared(Buffer.concat(chunks)) }
    return this.#begun.shared
  }

  /** The playlist of this moment, written and compressed once for all who ask for it. */
  playlist(skip: boolean): Prepared {
    const { version } = this.window
    const known = this.#playlists.get(skip)
    if (known?.version === version) return known.prepared
    const prepared = new Prepared(livePlaylist(this.window, { skip }))
    this.#playlists.set(skip, { version, prepared })
    return prepared
  }

  get waiting(): number {
    return this.#waiters.size + this.#readers.size
  }

  listeners(): number {
    const { next, ended } = this.window
    return this.audience.listeners(this.#options.now(), ended ? undefined : next?.msn)
  }

  /** Breaks off those who read the growing segment: its end will not come. */
  abortReaders(): void {
    for (const reader of [...this.#readers]) reader.abort()
    this.#readers.clear()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    this.abortReaders()
    await this.#reading
  }

  async #read(): Promise<void> {
    const { log, complaints, id } = this.#options
    const { signal } = this.#stop
    let retryMs = 0
    while (!signal.aborted && !this.window.ended) {
      try {
        const before = this.#newest
        const entries = await log.read(this.#key, before, {
          limit: READ_LIMIT,
          waitMs: READ_WAIT_MS,
          signal,
        })
        if (signal.aborted) return
        for (const entry of entries) {
          const position = this.#take(entry)
          if (position) this.#announced(position)
        }
        retryMs = 0
        if (this.#newest === before) await rest(EMPTY_MS, signal)
      } catch (error) {
        if (signal.aborted) return
        complaints.warn(
          { space: id, rendition: this.rendition.name, reason: messageOf(error) },
          'A chunks log cannot be read.',
        )
        retryMs = Math.min(RETRY_MS.most, Math.max(RETRY_MS.first, retryMs * 2))
        await rest(retryMs, signal)
      }
    }
  }

  /** The chunk's position if it is now in the window. Never throws: what is wrong with an entry is counted, named and survived. */
  #take(entry: Entry): { position: ChunkPosition; chunk: Chunk } | undefined {
    const name = `${entry.id.major}-${entry.id.minor}`
    if (compareIds(entry.id, this.#newest) <= 0) return this.#fault(name, 'it came before')
    this.#newest = entry.id
    const position = chunkPosition(entry.id)
    let chunk: Chunk
    try {
      chunk = decodeChunk(entry.body)
    } catch (error) {
      return this.#lose(name, messageOf(error))
    }
    const fault = chunkFault(this.rendition, position, chunk)
    if (fault) return this.#lose(name, fault)
    const grew = growingSegment(this.window)
    const added = addChunk(this.window, position, chunk)
    if (added === 'old') return this.#fault(name, 'it came after the end')
    if (added === 'hole') {
      this.#fault(name, 'it does not follow the one before it')
      this.abortReaders()
    }
    this.heardAt = this.#options.now()
    if (added === 'added' && grew) this.#feed(chunk)
    if (added === 'added') this.#forgetRemoved(name, chunk)
    this.#wake()
    return added === 'added' ? { position, chunk } : undefined
  }

  /** What this chunk takes away is not handed out any more, also with what came before it. */
  #forgetRemoved(name: string, { bytes }: Chunk): void {
    try {
      const { removed } = postsIn(bytes)
      if (removed.length === 0) return
      forgetPosts(this.window, new Set(removed))
      this.#begun = undefined
    } catch (error) {
      this.#fault(name, messageOf(error))
    }
  }

  /** Readers of the segment that grew get the chunk, and the end if that is it. */
  #feed(chunk: Chunk): void {
    const last = growingSegment(this.window) === undefined
    if (last || chunk.bytes.length > 0) {
      const shared = new Shared(chunk.bytes, last)
      for (const reader of [...this.#readers]) reader.push(shared)
    }
    if (last) this.#readers.clear()
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }

  /** An entry that is no chunk leaves a hole: begin anew after it. */
  #lose(name: string, reason: string): undefined {
    this.#fault(name, reason)
    if (this.window.ended) return
    forget(this.window)
    this.abortReaders()
  }

  #fault(entry: string, reason: string): undefined {
    this.#options.metrics.damagedEntries.inc()
    this.#options.complaints.warn(
      { space: this.id, rendition: this.rendition.name, entry, reason },
      'An entry of the chunks log was passed over.',
    )
  }

  #announced({ position, chunk }: { position: ChunkPosition; chunk: Chunk }): void {
    const { name, frameSamples } = this.rendition
    const end = chunkStart(this.rendition, position) + chunk.frames * frameSamples
    const delay = this.#options.now() - wallClock(chunk.startedAt, end)
    this.#options.metrics.sampleToAnnounced.observe({ rendition: name }, Math.max(0, delay) / 1000)
  }
}

/** A pause that an abort ends. */
const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms, undefined, { signal }).catch(() => {})
