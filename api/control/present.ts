import type { Space } from '@odeon/common/space.ts'
import type { StageView } from './stage-reader.ts'

/** Every field of a space that leaves the house. `stage` is null unless it is live. */
export function presentSpace(space: Space, stage: StageView | null) {
  return {
    id: space.id,
    title: space.title,
    state: space.state,
    host: { id: space.host.id, name: space.host.name },
    createdAt: space.createdAt,
    ...(space.scheduledFor !== undefined && { scheduledFor: space.scheduledFor }),
    ...(space.startedAt !== undefined && { startedAt: space.startedAt }),
    ...(space.endedAt !== undefined && { endedAt: space.endedAt }),
    replay: space.replay,
    stage,
  }
}
