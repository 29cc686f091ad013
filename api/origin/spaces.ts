import { AppError } from '@odeon/common/errors.ts'
import { MAX_HOLE_MS } from '@odeon/common/time.ts'
import { LiveSpace, type FollowOptions } from './follow.ts'

export interface SpacesOptions extends Omit<FollowOptions, 'id'> {
  maxSpaces: number
}

/** A space that nobody asked for in this time is forgotten. */
export const IDLE_MS = 60_000
/** A growing segment without a chunk for so long will never be complete: a longer hole has ended the space. */
const STALLED_MS = MAX_HOLE_MS + 15_000
const SWEEP_MS = 1000

/** The spaces that this origin follows: at most `maxSpaces`, each from its first request until nobody asks any more. */
export class Spaces {
  readonly #options: SpacesOptions
  readonly #open = new Map<string, LiveSpace>()
  readonly #opening = new Map<string, Promise<LiveSpace | undefined>>()
  readonly #sweeper: NodeJS.Timeout
  #closing: Promise<void> | undefined

  constructor(options: SpacesOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  /** The space if it is followed: the way of all requests but the first. */
  peek(id: string): LiveSpace | undefined {
    return this.#open.get(id)
  }

  /** Follows the space. Undefined for one that has no chunks: nothing is kept of it. Throws 503 when there are too many. */
  open(id: string): Promise<LiveSpace | undefined> {
    const opening = this.#opening.get(id) ?? this.#start(id).finally(() => this.#opening.delete(id))
    this.#opening.set(id, opening)
    return opening
  }

  get size(): number {
    return this.#open.size
  }

  get waiting(): number {
    return this.#sum((space) => space.waiting)
  }

  get listeners(): number {
    return this.#sum((space) => space.listeners())
  }

  /** Lets go of what is idle; breaks off those who wait for the rest of a segment that will not come. */
  sweep(): void {
    const now = this.#options.now()
    for (const space of this.#open.values()) {
      if (!space.window.ended && now - space.heardAt > STALLED_MS) space.abortReaders()
      if (space.waiting === 0 && now - space.usedAt > IDLE_MS) this.#drop(space)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    clearInterval(this.#sweeper)
    const spaces = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(spaces.map((space) => space.close()))
  }

  async #start(id: string): Promise<LiveSpace | undefined> {
    if (this.#closing) throw closing()
    // A log that does not answer must not gather requests for ever new spaces.
    if (this.#opening.size >= this.#options.maxSpaces)
      throw new AppError(503, 'busy', `This origin is opening ${this.#opening.size} spaces already.`)
    const space = new LiveSpace({ ...this.#options, id })
    if (!(await space.open())) return undefined
    if (this.#closing) {
      await space.close()
      throw closing()
    }
    if (this.#open.size >= this.#options.maxSpaces && !this.#makeRoom()) {
      await space.close()
      throw new AppError(503, 'busy', `This origin follows ${this.#open.size} spaces already.`)
    }
    this.#open.set(id, space)
    return space
  }

  /** Room is where nobody waits, and has not for the time in which a player asks again. */
  #makeRoom(): boolean {
    const now = this.#options.now()
    const idle = [...this.#open.values()]
      .filter((space) => space.waiting === 0 && now - space.usedAt > IDLE_MS / 6)
      .sort((a, b) => a.usedAt - b.usedAt)[0]
    if (idle) this.#drop(idle)
    return idle !== undefined
  }

  #drop(space: LiveSpace): void {
    this.#open.delete(space.id)
    void space.close() // Never rejects: its loop catches what the log throws.
  }

  #sum(of: (space: LiveSpace) => number): number {
    return [...this.#open.values()].reduce((sum, space) => sum + of(space), 0)
  }
}

const closing = (): AppError => new AppError(503, 'closing', 'This origin is closing. Ask another.')
