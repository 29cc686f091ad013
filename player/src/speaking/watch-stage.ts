import type { StageMember } from '@odeon/common/events.ts'
import type { RoomView } from '@odeon/common/room.ts'
import { watch, type Ref } from 'vue'
import { api } from '../api/client.ts'
import { session } from '../api/session.ts'
import type { StageMoment } from '../playback/state.ts'

export type StageNews =
  | { kind: 'stage'; stage: StageMoment; me: StageMember | undefined }
  | { kind: 'taken-off' } // He was there, and is a listener now.
  | { kind: 'missed' } // He has not been seen there for 5 s: his connection is none.
  | { kind: 'ended' } // The space has.

export interface WatchStageOptions {
  spaceId: string
  /** What the socket of the stage shows; null while it is not there, and the snapshot is asked instead. */
  room: Readonly<Ref<RoomView | null>>
  onNews(news: StageNews): void
}

const POLL_MS = 1000
const MISSED_MS = 5000

/** How the stage sees whoever believes to be on it. The socket is followed as it comes; while there is none the snapshot is asked once a second. */
export function watchStage({ spaceId, room, onNews }: WatchStageOptions): () => void {
  const since = performance.now()
  let seenAt: number | undefined
  let asking = false
  const see = async (
    title: string,
    { members, talking }: Pick<StageMoment, 'members' | 'talking'>,
    isListener: () => boolean | Promise<boolean>,
  ): Promise<void> => {
    const now = performance.now()
    const me = members.find(({ id }) => id === session.value?.user.id)
    onNews({ kind: 'stage', stage: { title, members, talking }, me })
    if (me) seenAt = now
    else if (seenAt !== undefined && (await isListener())) onNews({ kind: 'taken-off' })
    else if (now - (seenAt ?? since) > MISSED_MS) onNews({ kind: 'missed' })
  }
  const follow = (now: RoomView | null): void => {
    if (now) void see(now.title, now, () => now.you.role === 'listener')
  }
  const poll = async (): Promise<void> => {
    if (asking || room.value) return follow(room.value)
    asking = true
    try {
      const space = await api.space(spaceId)
      if (space.state === 'ended') onNews({ kind: 'ended' })
      else if (space.stage)
        await see(space.title, space.stage, async () => (await api.me(spaceId)) === 'listener')
    } catch {
      // The control plane is away. Talk goes on; the next second asks again.
    } finally {
      asking = false
    }
  }
  void poll()
  const timer = setInterval(() => void poll(), POLL_MS)
  const unwatch = watch(room, follow)
  return () => {
    clearInterval(timer)
    unwatch()
  }
}
