import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { compareIds, type Entry, type EntryId } from '../../ports.ts'
import { redisError, type BlockingConnection } from './connection.ts'
import { idText, readAnswer } from './streams.ts'

export interface LaneOptions {
  open(): Promise<BlockingConnection>
}

interface Waiter {
  after: EntryId
  limit: number
  resolve(entries: Entry[]): void
  reject(error: unknown): void
}

/** Entries that one answer may hold of each log: who waits is at the tail, where there are few. */
const COUNT = 100
const BLOCK_MS = 1000
/** Between two answers, for each log waited for: the cost of asking grows with the logs, so with many we ask less often. */
const GAP_MS_PER_LOG = 0.05
const LONGEST_GAP_MS = 20
const AFTER_FAILURE_MS = 100
/** A lane without readers lets its connection go. */
const IDLE_MS = 10_000

/**
 * All readers that wait on one connection: one XREAD that blocks for every log any of them waits for. A newcomer interrupts it. In a cluster
 * its logs must be of one slot.
 */
export class Lane {
  readonly #options: LaneOptions
  readonly #waiters = new Map<string, Set<Waiter>>()
  #connection: BlockingConnection | undefined
  /** Logs that the command now blocking asks for, and after which id; undefined while none blocks. */
  #asking: Map<string, EntryId> | undefined
  #running: Promise<void> | undefined
  #interrupting = false
  #wake: () => void = () => {}
  #idleSince = performance.now()
  #closed = false

  constructor(options: LaneOptions) {
    this.#options = options
  }

  get idleMs(): number {
    return this.#waiters.size > 0 ? 0 : performance.now() - this.#idleSince
  }

  /** Entries after `after`; none once the time is over, the signal aborts or the lane closes. Throws `redis_away` and the like. */
  wait(key: string, after: EntryId, limit: number, ms: number, signal?: AbortSignal): Promise<Entry[]> {
    if (this.#closed || signal?.aborted || ms <= 0) return Promise.resolve([])
    return new Promise<Entry[]>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', none)
        this.#leave(key, waiter)
      }
      const none = (): void => waiter.resolve([])
      const timer = setTimeout(none, Math.min(ms, 2 ** 31 - 1))
      const waiter: Waiter = {
        after,
        limit,
        resolve(entries) {
          done()
          resolve(entries)
        },
        reject(error) {
          done()
          reject(redisError(error))
        },
      }
      signal?.addEventListener('abort', none)
      const others = this.#waiters.get(key)
      if (others) others.add(waiter)
      else this.#waiters.set(key, new Set([waiter]))
      const asked = this.#asking?.get(key)
      if (this.#asking && (!asked || compareIds(after, asked) < 0)) this.#interrupt()
      this.#wake()
      this.#running ??= this.#run()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#all()) waiter.resolve([])
    this.#wake()
    this.#connection?.close()
    await this.#running
  }

  #leave(key: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(key)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(key)
    if (this.#waiters.size === 0) this.#idleSince = performance.now()
  }

  #all(): Waiter[] {
    return [...this.#waiters.values()].flatMap((waiters) => [...waiters])
  }

  /** Runs while somebody waits, and a little longer. */
  async #run(): Promise<void> {
    while (!this.#closed && (this.#waiters.size > 0 || this.idleMs < IDLE_MS)) {
      try {
        this.#connection ??= await this.#options.open()
        if (this.#waiters.size > 0) await this.#ask(this.#connection)
        else await this.#rest()
      } catch (error) {
        this.#connection?.close()
        this.#connection = undefined
        for (const waiter of this.#all()) waiter.reject(error)
        await pause(AFTER_FAILURE_MS)
      }
    }
    this.#connection?.close()
    this.#connection = undefined
    this.#running = undefined // At once, so that nobody takes this run for one that will serve him.
  }

  /** Until somebody comes. */
  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, IDLE_MS)
    await promise
    clearTimeout(timer)
  }

  async #ask(connection: BlockingConnection): Promise<void> {
    const asking = new Map<string, EntryId>()
    for (const [key, waiters] of this.#waiters)
      asking.set(
        key,
        [...waiters].map(({ after }) => after).reduce((a, b) => (compareIds(a, b) <= 0 ? a : b)),
      )
    const ids = [...asking.values()].map(idText)
    this.#asking = asking
    let answer: unknown
    try {
      answer = await connection.call(
        'XREAD',
        'COUNT',
        COUNT,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        ...asking.keys(),
        ...ids,
      )
    } finally {
      this.#asking = undefined
      this.#interrupting = false
    }
    for (const [key, entries] of readAnswer(answer)) this.#deliver(key, entries)
    const gap = Math.min(LONGEST_GAP_MS, asking.size * GAP_MS_PER_LOG)
    await (gap < 1 ? breathe() : pause(gap)) // Those who were served ask again meanwhile.
  }

  #deliver(key: string, entries: Entry[]): void {
    for (const waiter of [...(this.#waiters.get(key) ?? [])]) {
      const first = entries.findIndex(({ id }) => compareIds(id, waiter.after) > 0)
      if (first >= 0) waiter.resolve(entries.slice(first, first + waiter.limit))
    }
  }

  /** Ends the command that blocks. It may still be on its way to Redis when we say so: then once more. */
  #interrupt(): void {
    if (this.#interrupting) return
    this.#interrupting = true
    const current = this.#asking
    const unblock = async (): Promise<void> => {
      while (this.#asking === current && this.#connection && !(await this.#connection.unblock()))
        await pause(2)
    }
    unblock().catch(() => {}) // Redis is away, which the blocked command tells too; or its second is soon over.
  }
}
