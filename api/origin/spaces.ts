import { AppError } from '@odeon/common/errors.ts'
import { MAX_HOLE_MS } from '@odeon/common/time.ts'
import type { Rendition, RenditionName } from '@odeon/common/rendition.ts'
import { LiveSpace, type FollowOptions } from './follow.ts'

export interface SpacesOptions extends Omit<FollowOptions, 'id' | 'rendition'> {
  maxSpaces: number
}

/** A space that nobody asked for in this time is forgotten. */
export const IDLE_MS = 60_000
/** A growing segment without a chunk for so long will never be complete: a longer hole has ended the space. */
const STALLED_MS = MAX_HOLE_MS + 15_000
const SWEEP_MS = 1000

/**
 * What this origin follows: at most `maxSpaces` renditions of spaces, each from its first request until nobody asks for it any more.
 */
export class Spaces {
  readonly #options: SpacesOptions
  readonly #open = byRendition<LiveSpace>()
  readonly #opening = byRendition<Promise<LiveSpace | undefined>>()
  readonly #sweeper: NodeJS.Timeout
  #closing: Promise<void> | undefined

  constructor(options: SpacesOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  /** The space if it is followed: the way of all requests but the first. */
  peek(id: string, rendition: Rendition): LiveSpace | undefined {
    return this.#open[rendition.name].get(id)
  }

  /** Whether any rendition of the space is followed. */
  knows(id: string): boolean {
    return this.#open.aac.has(id) || this.#open.opus.has(id)
  }

  listenersOf(id: string): number {
    return (this.#open.aac.get(id)?.listeners() ?? 0) + (this.#open.opus.get(id)?.listeners() ?? 0)
  }

  /** Follows it. Undefined for one that has no chunks: nothing is kept of it. Throws 503 when there are too many. */
  open(id: string, rendition: Rendition): Promise<LiveSpace | undefined> {
    const all = this.#opening[rendition.name]
    const opening = all.get(id) ?? this.#start(id, rendition).finally(() => all.delete(id))
    all.set(id, opening)
    return opening
  }

  get size(): number {
    return this.#open.aac.size + this.#open.opus.size
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
    for (const space of this.#all()) {
      if (!space.window.ended && now - space.heardAt > STALLED_MS) space.abortReaders()
      if (space.waiting === 0 && now - space.usedAt > IDLE_MS) this.#drop(space)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    clearInterval(this.#sweeper)
    const spaces = this.#all()
    for (const open of Object.values(this.#open)) open.clear()
    await Promise.all(spaces.map((space) => space.close()))
  }

  async #start(id: string, rendition: Rendition): Promise<LiveSpace | undefined> {
    if (this.#closing) throw closing()
    // A log that does not answer must not gather requests for ever new spaces.
    const opening = this.#opening.aac.size + this.#opening.opus.size
    if (opening >= this.#options.maxSpaces)
      throw new AppError(503, 'busy', `This origin is opening ${opening} spaces already.`)
    const space = new LiveSpace({ ...this.#options, id, rendition })
    if (!(await space.open())) return undefined
    if (this.#closing) {
      await space.close()
      throw closing()
    }
    if (this.size >= this.#options.maxSpaces && !this.#makeRoom()) {
      await space.close()
      throw new AppError(503, 'busy', `This origin follows ${this.size} spaces already.`)
    }
    this.#open[rendition.name].set(id, space)
    return space
  }

  /** Room is where nobody waits, and has not for the time in which a player asks again. */
  #makeRoom(): boolean {
    const now = this.#options.now()
    const idle = this.#all()
      .filter((space) => space.waiting === 0 && now - space.usedAt > IDLE_MS / 6)
      .sort((a, b) => a.usedAt - b.usedAt)[0]
    if (idle) this.#drop(idle)
    return idle !== undefined
  }

  #drop(space: LiveSpace): void {
    this.#open[space.rendition.name].delete(space.id)
    void space.close() // Never rejects: its loop catches what the log throws.
  }

  #all(): LiveSpace[] {
    return Object.values(this.#open).flatMap((open) => [...open.values()])
  }

  #sum(of: (space: LiveSpace) => number): number {
    return this.#all().reduce((sum, space) => sum + of(space), 0)
  }
}

const byRendition = <T>(): Record<RenditionName, Map<string, T>> => ({ aac: new Map(), opus: new Map() })

const closing = (): AppError => new AppError(503, 'closing', 'This origin is closing. Ask another.')
