import { messageOf } from '@odeon/common/errors.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Store } from '@odeon/common/ports.ts'
import type { RoomTimes } from '@odeon/common/room.ts'
import { getSpace, updateSpace, type Space } from '@odeon/common/space.ts'
import { giveBack, standIn } from '@odeon/common/succession.ts'
import { HostWatch } from './host-watch.ts'

export interface HouseOptions {
  id: string
  store: Store
  logger: Logger
  times: RoomTimes
  /** The space begins now. */
  fresh: boolean
  /** As it was read before. */
  space: Space | undefined
  /** The document was read; also when it is as before. */
  onSpace(space: Space): void
}

/**
 * The document of a space as its mixer sees it: who may speak, who is muted. Read when the api says that it changed; whoever reads it last is
 * right, so that messages that come twice, late or out of order do no harm. The mixer knows who is there, so it also sees to a host who vanishes.
 */
export class House {
  readonly #options: HouseOptions
  readonly #watch: HostWatch
  #space: Space | undefined
  #reading: Promise<void> | undefined
  #again = false
  #succeeding = false
  #closed = false

  constructor(options: HouseOptions) {
    this.#options = options
    this.#space = options.space
    this.#watch = new HostWatch({ times: options.times, openedAt: Date.now(), fresh: options.fresh })
  }

  /** Undefined where there is none: then whoever the api sends is let on. */
  get space(): Space | undefined {
    return this.#space
  }

  /** Resolves when the document has been read, all of it after this call. A store that is away leaves what is known. */
  follow(): Promise<void> {
    if (this.#reading) this.#again = true
    return (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)))
  }

  async #read(): Promise<void> {
    const { id, store, logger, onSpace } = this.#options
    do {
      this.#again = false
      try {
        const space = await getSpace(store, id)
        if (!space || this.#closed) return
        this.#space = space
        onSpace(space)
      } catch (error) {
        logger.warn({ space: id, err: messageOf(error) }, 'the space could not be read')
        return
      }
    } while (this.#again)
  }

  /** These are heard, or have a socket. */
  see(ids: readonly string[]): void {
    const now = Date.now()
    for (const id of ids) this.#watch.see(id, now)
  }

  /** Has the host vanished, or come back? `present`: who is on stage, who has stood there longest first. Called twice a second. */
  look(present: readonly string[]): void {
    const space = this.#space
    if (!space || this.#succeeding) return
    const now = Date.now()
    const change = this.#watch.hasReturned(space, now)
      ? (current: Space): Space => giveBack(current, now)
      : this.#watch.hasVanished(space.host.id, now)
        ? (current: Space): Space =>
            current.host.id === space.host.id ? standIn(current, present, now) : current
        : undefined
    if (!change || change(space) === space) return
    this.#succeeding = true
    void this.#succeed(change).finally(() => (this.#succeeding = false))
  }

  async #succeed(change: (space: Space) => Space): Promise<void> {
    const { id, store, logger } = this.#options
    try {
      const { host } = await updateSpace(store, id, (current) =>
        current.state === 'live' ? change(current) : current,
      )
      logger.info({ space: id, host: host.id }, 'the space has another host')
      await this.follow()
    } catch (error) {
      logger.warn({ space: id, err: messageOf(error) }, 'the host could not be replaced; tried again')
    }
  }

  close(): void {
    this.#closed = true
  }
}
