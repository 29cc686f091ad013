import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@odeon/common/errors.ts'
import { roomKey } from '@odeon/common/keys.ts'
import { FIRST, type EntryId } from '@odeon/common/ports.ts'
import { ROOM_TIMES, type Bye, type RoomState, type ToStage } from '@odeon/common/room.ts'
import { getSpace, isBanned, type Space } from '@odeon/common/space.ts'
import type { Deps } from './context.ts'
import { parseRoomState } from './room-states.ts'
import { viewsOf } from './room-view.ts'
import { allSaid, saidSince } from './said-since.ts'
import { tellMixer } from './tell-mixer.ts'

/** Somebody's socket. */
export interface Watcher {
  readonly user: string
  /** The `room` message; not sent again when it is the same. */
  show(message: string): void
  /** Something that happened: `said`, `reactions`. */
  tell(message: string): void
  bye(reason: Bye): void
}

export interface StageFollowerOptions {
  deps: Deps
  id: string
  /** As it is now. */
  space: Space
  /** A hand that was just raised is awaited so long, ms. */
  patienceMs?: number
}

const WAIT_MS = 5000
const RETRY_MS = 500

/** Shows the room of one space to the sockets of this node: follows what the mixer tells of it, and reads the document when that changed. */
export class StageFollower {
  readonly #deps: Deps
  readonly #id: string
  readonly #patienceMs: number
  /** And whether he was entitled to it already. */
  readonly #watchers = new Map<Watcher, { entitled: boolean; patience: NodeJS.Timeout }>()
  readonly #abort = new AbortController()
  readonly #timer: NodeJS.Timeout
  #space: Space
  #state: RoomState | undefined
  /** It is known what the mixer has told, if anything. */
  #ready = false
  #after: EntryId = FIRST

  constructor({ deps, id, space, patienceMs = 3000 }: StageFollowerOptions) {
    this.#deps = deps
    this.#id = id
    this.#space = space
    this.#patienceMs = patienceMs
    this.#timer = setInterval(() => this.#tellAlive(), ROOM_TIMES.aliveEveryMs)
    void this.#follow()
  }

  get size(): number {
    return this.#watchers.size
  }

  watch(watcher: Watcher): void {
    for (const other of [...this.#watchers.keys()]) {
      if (other.user !== watcher.user) continue
      this.leave(other)
      other.bye('replaced')
    }
    const patience = setTimeout(() => this.#dismiss(watcher), this.#patienceMs)
    this.#watchers.set(watcher, { entitled: false, patience })
    if (this.#ready) this.#show()
    this.#tellAlive()
  }

  leave(watcher: Watcher): void {
    const known = this.#watchers.get(watcher)
    if (!known) return
    clearTimeout(known.patience)
    this.#watchers.delete(watcher)
  }

  #dismiss(watcher: Watcher, reason: Bye = 'audience'): void {
    if (!this.#watchers.has(watcher)) return
    this.leave(watcher)
    watcher.bye(reason)
  }

  #dismissAll(reason: Bye): void {
    for (const watcher of [...this.#watchers.keys()]) this.#dismiss(watcher, reason)
  }

  async #follow(): Promise<void> {
    const { log } = this.#deps.ports
    const { signal } = this.#abort
    try {
      const newest = await log.newest(roomKey(this.#id))
      if (newest) await this.#take(newest.id, newest.body, true)
      this.#ready = true
      this.#show()
    } catch (error) {
      this.#failed(error)
    }
    while (!signal.aborted) {
      try {
        const entries = await log.read(roomKey(this.#id), this.#after, { waitMs: WAIT_MS, signal })
        const last = entries.at(-1)
        if (last) await this.#take(last.id, last.body, false)
        else await this.#refresh() // The mixer may be gone, and the space with it.
      } catch (error) {
        this.#failed(error)
        await pause(RETRY_MS)
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#abort.signal.aborted) return
    this.#deps.logger.warn({ space: this.#id, err: messageOf(error) }, 'the room can’t be followed')
  }

  /** Only the newest counts: each says all. */
  async #take(id: EntryId, body: Uint8Array, first: boolean): Promise<void> {
    const state = parseRoomState(body)
    const otherMixer = id.major !== this.#after.major
    this.#after = id
    if (!state) return
    const before = this.#state
    const changed = first || otherMixer || state.changes !== before?.changes
    this.#state = state
    if (state.ended) return this.#dismissAll('ended')
    if (before) for (const message of saidSince(before, state)) this.#tell(message)
    if (changed) await this.#refresh()
    else this.#show()
  }

  async #refresh(): Promise<void> {
    this.#space = (await getSpace(this.#deps.ports.store, this.#id)) ?? this.#space
    if (this.#space.state === 'ended') this.#dismissAll('ended')
    else this.#show()
  }

  #show(): void {
    const views = viewsOf(this.#space, this.#state, this.#deps.now())
    for (const [watcher, known] of [...this.#watchers]) {
      const { user } = watcher
      if (isBanned(this.#space, user)) this.#dismiss(watcher, 'banned')
      else if (views.isEntitled(user)) {
        const isNew = !known.entitled
        known.entitled = true
        clearTimeout(known.patience)
        watcher.show(views.messageFor(user))
        if (isNew && this.#state) watcher.tell(JSON.stringify(allSaid(this.#state)))
      } else if (known.entitled) this.#dismiss(watcher)
    }
  }

  #tell(message: ToStage): void {
    const text = JSON.stringify(message)
    for (const [watcher, { entitled }] of this.#watchers) if (entitled) watcher.tell(text)
  }

  #tellAlive(): void {
    const ids = [...this.#watchers].filter(([, { entitled }]) => entitled).map(([{ user }]) => user)
    if (ids.length === 0) return
    tellMixer(this.#deps.ports.log, this.#id, { type: 'alive', ids }).catch((error: unknown) =>
      this.#failed(error),
    )
  }

  close(reason: Bye = 'restart'): void {
    clearInterval(this.#timer)
    this.#abort.abort()
    this.#dismissAll(reason)
  }
}
