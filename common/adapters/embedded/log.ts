import { AppError } from '../../errors.ts'
import { compareIds, FIRST, type Entry, type EntryId, type Log, type ReadOptions } from '../../ports.ts'

/**
 * The log in this process's memory. Nothing survives the process. Each key holds at most `maxBytes` and `maxEntries`; when it is full
 * the oldest entries go (a listener who is that far behind has nothing to wait for), and `dropped` counts them. At most `maxWaiters`
 * wait for one key; who comes after them is told so at once (`too_many_waiting`, 503), and `turnedAway` counts them.
 */
export interface MemoryLog extends Log {
  readonly dropped: number
  readonly turnedAway: number
}

export interface MemoryLogOptions {
  /** Of bodies, per key; 64 MiB unless told: more than an hour of frames, and minutes of everything else. */
  maxBytes?: number
  /** Per key; 200 000 unless told: an hour of frames, which are small. */
  maxEntries?: number
  /** Per key; 10 000 unless told. */
  maxWaiters?: number
}

interface Stream {
  entries: Entry[]
  /** Entries before this index are gone; the array is compacted once in a while, so that a trim costs nothing. */
  first: number
  bytes: number
  last: EntryId
  waiters: Set<() => void>
  expiry: NodeJS.Timeout | undefined
}

const COMPACT_AT = 1024
const DEFAULT_LIMIT = 1000
/** Stands where an entry was until the array is compacted, so that the body is freed at once. */
const GONE: Entry = { id: FIRST, body: new Uint8Array(0) }
const LONGEST_TIMER = 2 ** 31 - 1 // Above this setTimeout fires at once.

export function openMemoryLog({
  maxBytes = 64 * 1024 * 1024,
  maxEntries = 200_000,
  maxWaiters = 10_000,
}: MemoryLogOptions = {}): MemoryLog {
  const streams = new Map<string, Stream>()
  /** Readers of keys that nobody wrote yet. */
  const awaited = new Map<string, Set<() => void>>()
  let dropped = 0
  let turnedAway = 0
  let closed = false

  const open = (key: string): Stream => {
    let stream = streams.get(key)
    if (!stream) {
      const waiters = awaited.get(key) ?? new Set()
      stream = { entries: [], first: 0, bytes: 0, last: FIRST, waiters, expiry: undefined }
      streams.set(key, stream)
      awaited.delete(key)
    }
    return stream
  }

  const dropFirst = (stream: Stream): void => {
    stream.bytes -= stream.entries[stream.first]!.body.length
    stream.entries[stream.first++] = GONE
    if (stream.first >= COMPACT_AT && stream.first * 2 > stream.entries.length) {
      stream.entries = stream.entries.slice(stream.first)
      stream.first = 0
    }
  }

  const write = (stream: Stream, id: EntryId, body: Uint8Array): void => {
    stream.entries.push({ id, body })
    stream.last = id
    stream.bytes += body.length
    while (
      (stream.bytes > maxBytes || stream.entries.length - stream.first > maxEntries) &&
      stream.entries.length - stream.first > 1
    ) {
      dropFirst(stream)
      dropped++
    }
    const waiters = [...stream.waiters]
    stream.waiters.clear()
    for (const wake of waiters) wake()
  }

  /** Index of the first entry after `id`. */
  const after = ({ entries, first }: Stream, id: EntryId): number => {
    let low = first
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareIds(entries[middle]!.id, id) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  const take = (key: string, id: EntryId, limit: number): Entry[] => {
    const stream = streams.get(key)
    if (!stream) return []
    const from = after(stream, id)
    return stream.entries.slice(from, from + limit)
  }

  const wait = (key: string, ms: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiters = streams.get(key)?.waiters ?? awaited.get(key) ?? new Set()
      if (waiters.size >= maxWaiters) {
        turnedAway++
        reject(new AppError(503, 'too_many_waiting', `${maxWaiters} readers wait for ${key} already.`))
        return
      }
      if (!streams.has(key)) awaited.set(key, waiters)
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        waiters.delete(done)
        if (waiters.size === 0 && awaited.get(key) === waiters) awaited.delete(key)
        resolve()
      }
      const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER))
      signal?.addEventListener('abort', done)
      waiters.add(done)
    })

  return {
    get dropped() {
      return dropped
    },
    get turnedAway() {
      return turnedAway
    },
    append(key, id, body) {
      const stream = streams.get(key)
      if (compareIds(id, stream?.last ?? FIRST) <= 0) return Promise.resolve('refused')
      write(open(key), id, body)
      return Promise.resolve('written')
    },
    add(key, body) {
      const stream = open(key)
      const now = Date.now()
      const { major, minor } = stream.last
      const id = now > major ? { major: now, minor: 1 } : { major, minor: minor + 1 }
      write(stream, id, body)
      return Promise.resolve(id)
    },
    async read(key, id, { limit = DEFAULT_LIMIT, waitMs = 0, signal }: ReadOptions = {}) {
      const there = take(key, id, limit)
      if (there.length > 0 || waitMs <= 0 || signal?.aborted || closed) return there
      const until = performance.now() + waitMs
      for (;;) {
        const left = until - performance.now()
        if (left <= 0 || signal?.aborted || closed) return []
        await wait(key, left, signal)
        const entries = take(key, id, limit)
        if (entries.length > 0) return entries
      }
    },
    newest: (key) => Promise.resolve(streams.get(key)?.entries.at(-1)),
    trim(key, before) {
      const stream = streams.get(key)
      while (
        stream &&
        stream.entries.length - stream.first > 1 &&
        compareIds(stream.entries[stream.first]!.id, before) < 0
      ) {
        dropFirst(stream)
      }
      return Promise.resolve()
    },
    expire(key, ms) {
      const stream = streams.get(key)
      if (!stream) return Promise.resolve()
      clearTimeout(stream.expiry)
      stream.expiry = setTimeout(
        () => {
          streams.delete(key)
          if (stream.waiters.size > 0) awaited.set(key, stream.waiters) // They wait for what may be written anew.
        },
        Math.min(ms, LONGEST_TIMER),
      )
      stream.expiry.unref()
      return Promise.resolve()
    },
    close() {
      closed = true
      for (const stream of streams.values()) {
        clearTimeout(stream.expiry)
        for (const wake of [...stream.waiters]) wake()
      }
      for (const waiters of [...awaited.values()]) for (const wake of [...waiters]) wake()
      return Promise.resolve()
    },
  }
}
