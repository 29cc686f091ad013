import { messageOf } from '@odeon/common/errors.ts'
import { inboxKey, roomKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Log } from '@odeon/common/ports.ts'
import { RoomState } from '@odeon/common/room.ts'

export interface RoomLogOptions {
  log: Log
  id: string
  logger: Logger
  /** The newest state at the moment of writing. */
  state(): RoomState
}

/** Ten a second at most, however much happens: what is written is the state, and the states between two are nobody's. */
const EVERY_MS = 100
const KEPT = 20
const ENDED_KEPT_MS = 60_000

/** Tells the api nodes of the room, in `space:{id}:room`. An older owner is refused by the log itself, as in the log of the space. */
export class RoomLog {
  readonly #options: RoomLogOptions
  #epoch: number
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #wanted = false
  /** Something was removed that the states of before still hold. */
  #forgetting = false
  #writing: Promise<void> | undefined
  #writtenAt = -Infinity
  #closed = false

  constructor(options: RoomLogOptions, epoch: number) {
    this.#options = options
    this.#epoch = epoch
  }

  /** The mixer claimed its space anew. */
  claim(epoch: number): void {
    this.#epoch = epoch
    this.#count = 0
    this.changed()
  }

  /** Something was removed: with the next state those of before are deleted, and what of the inbox that state knows of. */
  removed(): void {
    this.#forgetting = true
    this.changed()
  }

  /** There is something new to tell. */
  changed(): void {
    this.#wanted = true
    if (this.#timer || this.#writing || this.#closed) return
    const wait = Math.max(0, this.#writtenAt + EVERY_MS - performance.now())
    if (wait === 0) this.#write()
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#write()
      }, wait)
  }

  #write(): void {
    const { log, id, logger, state } = this.#options
    this.#wanted = false
    this.#writtenAt = performance.now()
    const minor = ++this.#count
    const major = this.#epoch
    const newest = state()
    const body = new TextEncoder().encode(JSON.stringify(newest))
    const forgetting = this.#forgetting
    this.#forgetting = false
    this.#writing = (async () => {
      try {
        await log.append(roomKey(id), { major, minor }, body)
        if (forgetting) {
          await log.trim(roomKey(id), { major, minor })
          await log.trim(inboxKey(id), newest.inbox)
        } else if (minor % KEPT === 0) await log.trim(roomKey(id), { major, minor: minor - KEPT })
      } catch (error) {
        this.#wanted = true // The next one tells it all.
        this.#forgetting ||= forgetting
        this.#writtenAt += 5 * EVERY_MS
        logger.warn({ space: id, err: messageOf(error) }, 'the room could not be told of')
      }
      this.#writing = undefined
      if (this.#wanted) this.changed()
    })()
  }

  /** What was not told yet is, so that the next mixer knows of it. With `ended`, the last state is written, and forgotten in a minute. */
  async close(ended: boolean): Promise<void> {
    const { log, id, logger } = this.#options
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#closed = true
    await this.#writing
    if (!ended && !this.#wanted) return
    try {
      const state: RoomState = { ...this.#options.state(), ...(ended && { ended }) }
      const body = new TextEncoder().encode(JSON.stringify(state))
      await log.append(roomKey(id), { major: this.#epoch, minor: ++this.#count }, body)
      if (ended) await log.expire(roomKey(id), ENDED_KEPT_MS)
    } catch (error) {
      logger.warn({ space: id, err: messageOf(error) }, 'the room could not be told of its end')
    }
  }
}

/** What the mixer before this one told; undefined for a new space. */
export async function lastRoomState(log: Log, id: string): Promise<RoomState | undefined> {
  const newest = await log.newest(roomKey(id))
  if (!newest) return undefined
  try {
    return RoomState.safeParse(JSON.parse(new TextDecoder().decode(newest.body))).data
  } catch {
    return undefined
  }
}
