import type { SpaceEvent } from '@odeon/common/events.ts'
import { FRAMES_PER_SEGMENT } from '@odeon/common/time.ts'
import type { Room } from './room.ts'
import type { SaidThings } from './said.ts'
import type { Sessions } from './sessions.ts'
import type { Stage } from './stage.ts'

export interface FrameEventsOptions {
  stage: Stage
  room: Room
  sessions: Sessions
  said: SaidThings
  /** Those around the stage should be told. */
  onChanged(): void
  /** And what they were told before is to be forgotten. */
  onRemoved(): void
}

/** Frames between two snapshots of the stage: 0.96 s, so that one begins every segment. */
const SNAPSHOT_FRAMES = FRAMES_PER_SEGMENT / 2
const LEVEL_FRAMES = 5
const NO_EVENTS: SpaceEvent[] = [] // Never written to.

/** What is written beside the sound of a frame: the stage, who talks and how loudly, what is said. */
export class FrameEvents {
  readonly #options: FrameEventsOptions
  #lastFrame = -2

  constructor(options: FrameEventsOptions) {
    this.#options = options
  }

  /** Of the frame that was just mixed; the array is the log's to keep. Nothing is made anew for a frame in which nothing happened. */
  of(frame: number): SpaceEvent[] {
    const { stage, room, sessions, said, onChanged, onRemoved } = this.#options
    const { talking } = room
    const talkingChanged = stage.setTalking(talking)
    const afterHole = frame !== this.#lastFrame + 1
    this.#lastFrame = frame
    if (stage.changed || talkingChanged) onChanged()
    const snapshot = stage.changed || afterHole || frame % SNAPSHOT_FRAMES === 0
    stage.changed = false
    const levels = talking.length > 0 && frame % LEVEL_FRAMES === 0
    if (!snapshot && !talkingChanged && !levels && !said.waits) return NO_EVENTS
    const happened: SpaceEvent[] = []
    if (snapshot) {
      happened.push(stage.snapshot())
      const { invited } = sessions
      if (invited.length > 0) happened.push({ type: 'invited', ids: [...invited] })
    } else if (talkingChanged) happened.push({ type: 'talking', ids: [...talking] })
    if (levels) happened.push({ type: 'levels', levels: room.levels() })
    said.stamp(frame, happened, { segment: frame % FRAMES_PER_SEGMENT === 0, hole: afterHole })
    if (happened.some(({ type }) => type === 'unpost')) onRemoved()
    else if (said.changed) onChanged()
    said.changed = false
    return happened
  }
}
