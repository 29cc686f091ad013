import type { InboxEvent, SpaceEvent } from '@odeon/common/events.ts'
import {
  addCounts,
  KEPT_POSTS,
  REACTIONS_EVERY_FRAMES,
  type Counts,
  type PlacedPost,
  type Reaction,
} from '@odeon/common/posts.ts'
import type { RoomState } from '@odeon/common/room.ts'

type Said = Extract<InboxEvent, { type: 'post' | 'unpost' | 'pin' }>

/** Waiting for their frame. More come only when several api nodes are flooded at once; what a host does still finds a place then. */
const MAX_POSTS_WAITING = 100
const MAX_WAITING = 200
/** Posts that are known by their id when they are sent once more. */
const MAX_KNOWN = 500

/**
 * Posts, the pin and reactions of a space: what comes out of the inbox gets its frame here. A frame holds one post, removal or pin at most, and
 * one sum of reactions now and then, so that the events of a chunk are bounded. Plain bookkeeping; a frame costs the same however many send.
 */
export class SaidThings {
  #posts: PlacedPost[] = []
  #pin: PlacedPost | null = null
  readonly #known = new Set<string>()
  readonly #waiting: Said[] = []
  readonly #counts = new Map<Reaction, number>()
  #reactions: RoomState['reactions']
  #tally = { posts: 0, dropped: 0, reactions: 0 }
  /** Set by everything that those around the stage should be told. */
  changed = false

  /** What another mixer told. */
  restore({ posts = [], pin = null }: Pick<RoomState, 'posts' | 'pin'>): void {
    this.#posts = posts.slice(-KEPT_POSTS)
    this.#pin = pin
    for (const { id } of posts) this.#known.add(id)
  }

  /** Something waits for a frame. */
  get waits(): boolean {
    return this.#waiting.length > 0 || this.#counts.size > 0
  }

  /** Since the last call: posts that were written, those that found no place, and reactions. */
  counted(): { posts: number; dropped: number; reactions: number } {
    const counted = this.#tally
    this.#tally = { posts: 0, dropped: 0, reactions: 0 }
    return counted
  }

  /** One more thing out of the inbox. */
  take(said: Said): void {
    const most = said.type === 'post' ? MAX_POSTS_WAITING : MAX_WAITING
    if (this.#waiting.length < most) this.#waiting.push(said)
    else this.#tally.dropped++
  }

  react(counts: Counts): void {
    for (const count of Object.values(counts)) this.#tally.reactions += count
    addCounts(this.#counts, counts)
  }

  /**
   * Appends what belongs to a frame; call it once for each, upwards. `segment`: it is the first of one. `hole`: frames before it are missing, so
   * that what was pinned or taken off may not be known.
   */
  stamp(frame: number, events: SpaceEvent[], { segment, hole }: { segment: boolean; hole: boolean }): void {
    const before = events.length
    const missed = hole && this.#known.size > 0
    this.#next(frame, events)
    if (events.at(-1)?.type !== 'pin' && (this.#pin ? segment || hole : missed))
      events.push({ type: 'pin', post: this.#pin })
    if (this.#counts.size > 0 && !(frame - (this.#reactions?.frame ?? -Infinity) < REACTIONS_EVERY_FRAMES)) {
      const counts = Object.fromEntries(this.#counts)
      this.#counts.clear()
      this.#reactions = { frame, counts }
      events.push({ type: 'reactions', counts })
    }
    if (events.length > before) this.changed = true
  }

  /** The next thing that changes anything. */
  #next(frame: number, events: SpaceEvent[]): void {
    for (let said = this.#waiting.shift(); said; said = this.#waiting.shift()) {
      const event = this.#apply(said, frame)
      if (!event) continue
      events.push(event)
      return
    }
  }

  #apply(said: Said, frame: number): SpaceEvent | undefined {
    switch (said.type) {
      case 'post': {
        if (this.#known.has(said.id)) return undefined
        this.#known.add(said.id)
        if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value!)
        this.#tally.posts++
        const { id, by, role, text } = said
        this.#posts.push({ id, by, role, text, frame })
        if (this.#posts.length > KEPT_POSTS) this.#posts.shift()
        return said
      }
      case 'unpost': {
        const author = this.#find(said.id)?.by.id
        if (!said.any && author !== said.by) return undefined
        this.#posts = this.#posts.filter(({ id }) => id !== said.id)
        if (this.#pin?.id === said.id) this.#pin = null
        return { type: 'unpost', id: said.id }
      }
      case 'pin': {
        const post = said.id === null ? null : this.#find(said.id)
        if (post === undefined || post?.id === this.#pin?.id) return undefined
        this.#pin = post
        return { type: 'pin', post }
      }
    }
  }

  #find(id: string): PlacedPost | undefined {
    return this.#pin?.id === id ? this.#pin : this.#posts.find((post) => post.id === id)
  }

  state(): Pick<RoomState, 'posts' | 'pin' | 'reactions'> {
    return {
      posts: [...this.#posts],
      pin: this.#pin,
      ...(this.#reactions && { reactions: this.#reactions }),
    }
  }
}
