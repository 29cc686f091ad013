import type { RoomTimes } from '@odeon/common/room.ts'
import type { Space } from '@odeon/common/space.ts'
import type { EpochMs } from '@odeon/common/time.ts'

/** Sees when a host has vanished, and when he is back. No clock of its own; `now` is epoch ms. */
export class HostWatch {
  readonly #seen = new Map<string, EpochMs>()
  readonly #times: RoomTimes
  readonly #openedAt: EpochMs
  readonly #fresh: boolean

  /** `fresh`: the space begins; its host has yet to come. */
  constructor(options: { times: RoomTimes; openedAt: EpochMs; fresh: boolean }) {
    this.#times = options.times
    this.#openedAt = options.openedAt
    this.#fresh = options.fresh
  }

  /** Heard, or on a socket. */
  see(id: string, now: EpochMs): void {
    this.#seen.set(id, now)
    if (this.#seen.size > MOST) this.#seen.delete(this.#seen.keys().next().value!)
  }

  /** He has been gone for longer than the grace. */
  hasVanished(host: string, now: EpochMs): boolean {
    const seen = this.#seen.get(host)
    if (seen !== undefined) return now - seen > this.#times.hostGraceMs
    return now - this.#openedAt > (this.#fresh ? this.#times.firstHostGraceMs : this.#times.hostGraceMs)
  }

  /** The host who vanished was seen since. */
  hasReturned({ vanished }: Space, now: EpochMs): boolean {
    const seen = vanished && this.#seen.get(vanished.id)
    return seen !== undefined && seen > vanished!.at && now - seen < this.#times.hostGraceMs
  }
}

/** People remembered: far more than a stage has. The one who came first goes. */
const MOST = 1000
