import type { ChunkEvents } from '@odeon/common/events.ts'
import type { Counts, PlacedPost } from '@odeon/common/posts.ts'
import { FRAME_MS, type EpochMs } from '@odeon/common/time.ts'

/** What people write, at one moment of the sound. */
export interface ConversationMoment {
  /** Oldest first. */
  posts: readonly PlacedPost[]
  pinned: PlacedPost | null
}

export const NOTHING_SAID: ConversationMoment = { posts: [], pinned: null }

interface Pin {
  frame: number
  post: PlacedPost | null
}
interface Burst {
  frame: number
  counts: Counts
}

/**
 * Posts, pins and reactions of a space by frame, and what there is of them at any moment, forwards and backwards. Of each kind the newest
 * `capacity` are kept. What comes twice is there once; what was taken away does not come back.
 */
export class Conversation {
  readonly #capacity: number
  #posts: PlacedPost[] = []
  readonly #pins: Pin[] = []
  readonly #bursts: Burst[] = []
  #removed = new Set<string>()
  #startedAt: EpochMs | undefined
  /** Goes up when posts come or go. */
  #version = 0
  #last: { version: number; count: number; pin: Pin | undefined; moment: ConversationMoment } | undefined

  /** @param capacity of each kind. */
  constructor({ capacity = 500 }: { capacity?: number } = {}) {
    this.#capacity = capacity
  }

  add({ startedAt, events }: Pick<ChunkEvents, 'startedAt' | 'events'>): void {
    this.#startedAt = startedAt
    for (const event of events) {
      switch (event.type) {
        case 'post': {
          const { frame, id, by, role, text } = event
          this.#write({ frame, id, by, role, text })
          break
        }
        case 'unpost':
          this.#remove(event.id)
          break
        case 'pin':
          this.#put(this.#pins, event)
          break
        case 'reactions':
          this.#put(this.#bursts, event)
      }
    }
  }

  /** What a late joiner is told was written before. */
  recall(startedAt: EpochMs, posts: readonly PlacedPost[]): void {
    this.#startedAt ??= startedAt
    for (const post of posts) this.#write(post)
  }

  /** The same object as long as nothing changes. */
  at(date: EpochMs): ConversationMoment {
    const frame = this.#frameAt(date)
    let count = this.#posts.length
    while (count > 0 && this.#posts[count - 1]!.frame > frame) count--
    const pin = this.#pins.findLast((one) => one.frame <= frame)
    const last = this.#last
    if (last?.version === this.#version && last.count === count && last.pin === pin) return last.moment
    const pinned = pin?.post && !this.#removed.has(pin.post.id) ? pin.post : null
    const moment = { posts: this.#posts.slice(0, count), pinned }
    this.#last = { version: this.#version, count, pin, moment }
    return moment
  }

  /** The reactions after one moment and up to another, summed up; undefined if there are none. */
  reactions(after: EpochMs, upTo: EpochMs): Counts | undefined {
    const [from, to] = [this.#frameAt(after), this.#frameAt(upTo)]
    let sum: Counts | undefined
    for (let n = this.#bursts.length - 1; n >= 0 && this.#bursts[n]!.frame > from; n--) {
      if (this.#bursts[n]!.frame > to) continue
      sum ??= {}
      for (const [emoji, count] of Object.entries(this.#bursts[n]!.counts))
        sum[emoji] = (sum[emoji] ?? 0) + count
    }
    return sum
  }

  #frameAt(date: EpochMs): number {
    return (date - (this.#startedAt ?? date)) / FRAME_MS
  }

  #write(post: PlacedPost): void {
    if (this.#removed.has(post.id) || this.#posts.some(({ id }) => id === post.id)) return
    insert(this.#posts, post)
    if (this.#posts.length > this.#capacity) this.#posts.shift()
    this.#version++
  }

  #remove(id: string): void {
    if (this.#removed.size >= this.#capacity) this.#removed = new Set([...this.#removed].slice(1))
    this.#removed.add(id)
    this.#posts = this.#posts.filter((post) => post.id !== id)
    this.#version++
  }

  /** A chunk that is read twice says the same. */
  #put<E extends { frame: number }>(list: E[], event: E): void {
    if (list.some(({ frame }) => frame === event.frame)) return
    insert(list, event)
    if (list.length > this.#capacity) list.shift()
    this.#version++
  }
}

/** Keeps the order of frames; what comes last mostly goes to the end. */
function insert<E extends { frame: number }>(list: E[], event: E): void {
  let at = list.length
  while (at > 0 && list[at - 1]!.frame > event.frame) at--
  list.splice(at, 0, event)
}
