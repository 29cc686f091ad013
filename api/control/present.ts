import { isGood } from './rules.ts'
import type { RoomState } from '@odeon/common/room.ts'
import type { Link, Space } from '@odeon/common/space.ts'
import type { StageView } from './stage-reader.ts'

/** Every field of a space that leaves the house. `stage` is null unless it is live. */
export function presentSpace(space: Space, stage: StageView | null, room?: RoomState) {
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
    policy: space.policy,
    /** Every space is. */
    recorded: true,
    ...(room && { handsUp: room.hands.length, sample: room.sample }),
    stage,
  }
}

/** A link, as its hosts see it. */
export function presentLink(space: string, code: string, link: Link, now: number) {
  return {
    code,
    role: link.role,
    url: `/s/${space}?invite=${code}`,
    createdAt: link.createdAt,
    uses: link.uses,
    ...(link.maxUses !== undefined && { maxUses: link.maxUses }),
    ...(link.expiresAt !== undefined && { expiresAt: link.expiresAt }),
    good: isGood(link, now),
  }
}

/** What was posted of late, for those who join now. Each post has its frame, so that a page shows it when that is heard. */
export const presentSaid = (room: RoomState | undefined) => ({
  posts: room?.posts ?? [],
  pin: room?.pin ?? null,
})
