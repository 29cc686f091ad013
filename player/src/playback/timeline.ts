import type { ChunkEvents, SpaceEvent, StageEvent, TimedEvent } from '@odeon/common/events.ts'
import { FRAME_MS, type EpochMs } from '@odeon/common/time.ts'
import type { StageMoment } from './state.ts'

type TalkingEvent = Extract<SpaceEvent, { type: 'talking' }>
type LevelsEvent = Extract<SpaceEvent, { type: 'levels' }>

/** Between two readings of a level the ring goes straight from one to the other, unless they are further apart than this. */
const LEVEL_GAP_MS = 300
const FULL_SCALE = 255
const NOBODY: string[] = []

interface At<E> {
  frame: number
  event: E
}

/**
 * The events of a space by frame, and the state at any moment of them, forwards and backwards. Of each kind `capacity` are
 * kept; when one more comes, the one furthest from it goes, since that is the least likely to be heard soon.
 */
export class Timeline {
  readonly #capacity: number
  readonly #staleFrames: number
  readonly #stages: At<StageEvent>[] = []
  readonly #talks: At<TalkingEvent>[] = []
  readonly #levels: At<LevelsEvent>[] = []
  #startedAt: EpochMs | undefined
  #last: { stage: StageEvent; talking: string[]; moment: StageMoment } | undefined
  /** Events that had to go. */
  dropped = 0

  /**
   * @param capacity of each kind; the sound in the browser's buffer holds a few hundred.
   * @param staleMs After so long without news nobody is shown as talking. For ever unless told.
   */
  constructor({ capacity = 2000, staleMs = Infinity }: { capacity?: number; staleMs?: number } = {}) {
    this.#capacity = capacity
    this.#staleFrames = staleMs / FRAME_MS
  }

  /** Epoch ms of frame 0; undefined before the first events. */
  get startedAt(): EpochMs | undefined {
    return this.#startedAt
  }

  /** When the first stage is known from; undefined before there is one. */
  get firstDate(): EpochMs | undefined {
    const first = this.#stages[0]
    return first && this.#startedAt !== undefined ? this.#startedAt + first.frame * FRAME_MS : undefined
  }

  add({ startedAt, events }: Pick<ChunkEvents, 'startedAt' | 'events'>): void {
    this.#startedAt = startedAt
    for (const event of events) this.#insert(event)
  }

  /** The state at a moment; the same object as long as nothing changes; undefined before the first stage. */
  at(date: EpochMs): StageMoment | undefined {
    const frame = this.#frameAt(date)
    const stage = newest(this.#stages, frame)
    if (!stage) return undefined
    const talk = newest(this.#talks, frame)
    const later = talk && talk.frame >= stage.frame ? talk : undefined
    const talking = later?.event.ids ?? stage.event.talking
    const known = frame - (later ?? stage).frame <= this.#staleFrames ? talking : NOBODY
    if (this.#last?.stage !== stage.event || this.#last.talking !== known) {
      const { title, members } = stage.event
      this.#last = { stage: stage.event, talking: known, moment: { title, members, talking: known } }
    }
    return this.#last.moment
  }

  /** How loud somebody is at a moment, 0 to 1. */
  levelAt(date: EpochMs, id: string): number {
    const frame = this.#frameAt(date)
    const index = indexOf(this.#levels, frame)
    const before = this.#levels[index]
    if (!before) return 0
    const gap = LEVEL_GAP_MS / FRAME_MS
    const from = (before.event.levels[id] ?? 0) / FULL_SCALE
    const after = this.#levels[index + 1]
    const followed = after && after.frame - before.frame <= gap
    const to = followed ? (after.event.levels[id] ?? 0) / FULL_SCALE : 0
    const span = followed ? after.frame - before.frame : gap
    return from + (to - from) * Math.min(1, (frame - before.frame) / span)
  }

  #frameAt(date: EpochMs): number {
    return (date - (this.#startedAt ?? date)) / FRAME_MS
  }

  #insert(event: TimedEvent): void {
    switch (event.type) {
      case 'stage':
        return this.#put(this.#stages, event.frame, event)
      case 'talking':
        return this.#put(this.#talks, event.frame, event)
      case 'levels':
        return this.#put(this.#levels, event.frame, event)
      default: // The rest is for `Conversation`.
    }
  }

  /** Chunks come in order but for a seek, and a chunk that is read twice says the same. */
  #put<E>(list: At<E>[], frame: number, event: E): void {
    const index = indexOf(list, frame)
    if (list[index]?.frame === frame) return
    list.splice(index + 1, 0, { frame, event })
    if (list.length <= this.#capacity) return
    if (index + 1 < list.length / 2) list.pop()
    else list.shift()
    this.dropped++
  }
}

/** Index of the last entry not after the frame; -1 if there is none. */
function indexOf(list: readonly At<unknown>[], frame: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]!.frame <= frame) low = middle + 1
    else high = middle
  }
  return low - 1
}

const newest = <E>(list: readonly At<E>[], frame: number): At<E> | undefined => list[indexOf(list, frame)]
