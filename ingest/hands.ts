import { MAX_HANDS, MAX_SAMPLE, ROOM_TIMES, type Hand, type Person } from '@odeon/common/room.ts'
import type { EpochMs } from '@odeon/common/time.ts'

type Raised = Omit<Hand, 'ready' | 'face'>

/** The queue of raised hands, and a few names of the audience. Plain bookkeeping; everything costs the same however many hands there are. */
export class Hands {
  /** In the order in which they went up. */
  readonly #hands = new Map<string, Raised>()
  /** When each was last heard of, epoch ms. */
  readonly #heard = new Map<string, EpochMs>()
  readonly #sample = new Map<string, Person>()
  readonly #lifeMs: number
  /** Hands that found the queue full. */
  refused = 0
  /** Set by everything that those around the stage should be told. */
  changed = false

  constructor({ lifeMs = ROOM_TIMES.handMs }: { lifeMs?: number } = {}) {
    this.#lifeMs = lifeMs
  }

  /** Another mixer's queue, at `now`. */
  restore(hands: readonly Hand[], sample: readonly Person[], now: EpochMs): void {
    for (const { id, name, at } of hands) {
      this.#hands.set(id, { id, name, at })
      this.#heard.set(id, now)
    }
    for (const person of sample) this.#sample.set(person.id, person)
  }

  /** A hand that is up keeps its place. False when the queue is full. */
  raise(id: string, name: string, now: EpochMs): boolean {
    if (!this.#hands.has(id)) {
      if (this.#hands.size >= MAX_HANDS) {
        this.refused++
        return false
      }
      this.#hands.set(id, { id, name, at: now })
      this.changed = true
    }
    this.#heard.set(id, now)
    return true
  }

  lower(id: string): void {
    this.#heard.delete(id)
    if (this.#hands.delete(id)) this.changed = true
  }

  has(id: string): boolean {
    return this.#hands.has(id)
  }

  /** These are still there. */
  alive(ids: readonly string[], now: EpochMs): void {
    for (const id of ids) if (this.#hands.has(id)) this.#heard.set(id, now)
  }

  /** Hands of whom nothing was heard go down. */
  expire(now: EpochMs): void {
    for (const [id, heard] of this.#heard) if (now - heard > this.#lifeMs) this.lower(id)
  }

  /** The newest of the audience that were told of; the oldest go. */
  sample(person: Person): void {
    if (this.#sample.has(person.id)) return
    this.#sample.set(person.id, { id: person.id, name: person.name })
    if (this.#sample.size > MAX_SAMPLE) this.#sample.delete(this.#sample.keys().next().value!)
    this.changed = true
  }

  /** `ready`: whose connections are made, and their faces. */
  list(ready: ReadonlyMap<string, string | undefined>): Hand[] {
    return Array.from(this.#hands.values(), (hand) => {
      const face = ready.get(hand.id)
      return { ...hand, ready: ready.has(hand.id), ...(face !== undefined && { face }) }
    })
  }

  get ids(): string[] {
    return [...this.#hands.keys()]
  }

  sampled(): Person[] {
    return [...this.#sample.values()]
  }
}
