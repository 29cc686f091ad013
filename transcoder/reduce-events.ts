import type { TimedEvent } from '@odeon/common/events.ts'
import { addCounts, type Reaction } from '@odeon/common/posts.ts'

type Reactions = Extract<TimedEvent, { type: 'reactions' }>

/** Frames whose reactions are one event: 0.5 s. */
const REACTION_FRAMES = 25
/** Posts and pins of a space; what comes after them is left out, and counted. A busy hour has a few hundred. */
const MAX_SAID = 20_000

/**
 * What a replay page needs of the events of a space, which come in order: a `stage` where title or members change, a `talking` where only
 * the talkers do, each post once, the pin where it changes, and reactions twice a second. A post that was removed is not in it. Levels,
 * invitations and repeated snapshots are left out.
 */
export class EventReducer {
  #events: TimedEvent[] = []
  #stage = ''
  #talking = '[]'
  #reactions: Reactions | undefined
  readonly #posts = new Set<string>()
  #pinned: string | null = null
  #said = 0
  /** Posts and pins that found no place. */
  dropped = 0

  get events(): TimedEvent[] {
    return this.#events
  }

  add(event: TimedEvent): void {
    switch (event.type) {
      case 'stage':
        return this.#onStage(event, JSON.stringify([event.title, event.members]), event.talking)
      case 'talking':
        return this.#onStage(event, this.#stage, event.ids)
      case 'post':
        if (this.#posts.has(event.id)) return
        this.#posts.add(event.id)
        return this.#say(event)
      case 'pin':
        if ((event.post?.id ?? null) === this.#pinned) return
        this.#pinned = event.post?.id ?? null
        return this.#say(event)
      case 'unpost':
        return this.#remove(event.id, event.frame)
      case 'reactions':
        return this.#react(event)
      case 'levels':
      case 'invited':
    }
  }

  #onStage(event: TimedEvent, stage: string, talkers: readonly string[]): void {
    const talking = JSON.stringify([...talkers].sort())
    if (stage !== this.#stage) this.#events.push(event)
    else if (talking !== this.#talking)
      this.#events.push({ type: 'talking', ids: [...talkers], frame: event.frame })
    this.#stage = stage
    this.#talking = talking
  }

  #say(event: TimedEvent): void {
    if (this.#said >= MAX_SAID) this.dropped++
    else {
      this.#said++
      this.#events.push(event)
    }
  }

  /** Not its text, nor where it was pinned. */
  #remove(id: string, frame: number): void {
    this.#posts.add(id) // Nor if it comes once more.
    this.#events = this.#events.flatMap((event): TimedEvent[] => {
      if (event.type === 'post' && event.id === id) return []
      if (event.type === 'pin' && event.post?.id === id) return [{ ...event, post: null }]
      return [event]
    })
    if (this.#pinned === id) this.add({ type: 'pin', post: null, frame })
  }

  #react(event: Reactions): void {
    const last = this.#reactions
    if (last && event.frame - last.frame < REACTION_FRAMES) {
      const sum = new Map<Reaction, number>()
      addCounts(sum, last.counts)
      addCounts(sum, event.counts)
      last.counts = Object.fromEntries(sum)
      return
    }
    this.#reactions = { ...event, counts: { ...event.counts } }
    this.#events.push(this.#reactions)
  }
}
