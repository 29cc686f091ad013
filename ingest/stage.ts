import { AppError } from '@odeon/common/errors.ts'
import type { Policy, Role, StageEvent, StageMember } from '@odeon/common/events.ts'
import { MAX_ON_STAGE } from '@odeon/common/space.ts'

/** Who is on stage, as everybody sees it. Plain bookkeeping: no sound, no clock. */
export class Stage {
  readonly #members = new Map<string, StageMember>()
  /** Kept for those who come back. Bounded by the number of people who may speak. */
  readonly #mutes = new Map<string, StageMember['muted']>()
  #talking: readonly string[] = []
  readonly #seats: number
  title: string
  policy: Policy | undefined
  /** Set by everything that a listener should be told at once. */
  changed = false

  constructor(title: string, seats = MAX_ON_STAGE) {
    this.title = title
    this.#seats = seats
  }

  get size(): number {
    return this.#members.size
  }

  /** Throws `stage_full` (409). Someone who is there already takes his own place again. */
  assertRoomFor(id: string): void {
    if (!this.#members.has(id) && this.#members.size >= this.#seats)
      throw new AppError(409, 'stage_full', `The stage is full: ${this.#seats} people are on it already.`)
  }

  get hasRoom(): boolean {
    return this.#members.size < this.#seats
  }

  has(id: string): boolean {
    return this.#members.has(id)
  }

  /** Throws as `assertRoomFor`. */
  join({ id, name, role, face }: Pick<StageMember, 'id' | 'name' | 'role' | 'face'>): void {
    this.assertRoomFor(id)
    const muted = this.#mutes.get(id) ?? 'no'
    this.#members.set(id, { id, name, role, muted, connected: true, ...(face !== undefined && { face }) })
    this.changed = true
  }

  leave(id: string): void {
    if (this.#members.delete(id)) this.changed = true
  }

  setRole(id: string, role: Role): void {
    const member = this.#members.get(id)
    if (!member || member.role === role) return
    this.#members.set(id, { ...member, role })
    this.changed = true
  }

  /** Null: none any more. */
  setFace(id: string, face: string | null): void {
    const member = this.#members.get(id)
    if (!member || (member.face ?? null) === face) return
    const { face: _before, ...faceless } = member
    this.#members.set(id, face === null ? faceless : { ...faceless, face })
    this.changed = true
  }

  mute(id: string, muted: StageMember['muted']): void {
    this.#mutes.set(id, muted)
    const member = this.#members.get(id)
    if (!member || member.muted === muted) return
    this.#members.set(id, { ...member, muted })
    this.changed = true
  }

  isMuted(id: string): boolean {
    return this.#members.get(id)?.muted !== 'no'
  }

  setConnected(id: string, connected: boolean): void {
    const member = this.#members.get(id)
    if (!member || member.connected === connected) return
    this.#members.set(id, { ...member, connected })
    this.changed = true
  }

  /** True when the set of talkers changed. */
  setTalking(ids: readonly string[]): boolean {
    if (ids === this.#talking) return false
    if (ids.length === this.#talking.length && ids.every((id, index) => id === this.#talking[index]))
      return false
    this.#talking = ids
    return true
  }

  get talking(): readonly string[] {
    return this.#talking
  }

  /** Those who are there and connected, who has stood there longest first. */
  present(): string[] {
    return [...this.#members.values()].filter(({ connected }) => connected).map(({ id }) => id)
  }

  get members(): StageMember[] {
    return [...this.#members.values()]
  }

  snapshot(): StageEvent {
    return {
      type: 'stage',
      title: this.title,
      members: this.members,
      talking: [...this.#talking],
      ...(this.policy && { policy: this.policy }),
    }
  }
}
