import type { RoomView } from '@odeon/common/room.ts'
import { readonly, ref, type Ref } from 'vue'
import { api, ApiError } from '../api/client.ts'
import { session } from '../api/session.ts'
import { settleMute, soonKnown, type Muted, type MuteWish } from './mute.ts'

export interface MutingOptions {
  spaceId: string
  /** What the socket of the stage shows; null while it is not there. */
  room: Readonly<Ref<RoomView | null>>
}

export interface Muting {
  muted: Readonly<Ref<Muted>>
  /** He comes to speak. */
  begin(): void
  /** He is let on: what the stage says of him counts from here. */
  letOn(): void
  /** The stage says so. */
  settle(onStage: Muted): void
  set(muted: boolean): Promise<void>
}

/** Whether the microphone is open, between its owner and the host. Shown at once, and told to the stage. */
export function useMuting({ spaceId, room }: MutingOptions): Muting {
  const muted = ref<Muted>('no')
  let wish: MuteWish = { muted: false, at: -Infinity }

  /** How he was muted before the socket knows; the snapshot may be of then. */
  const letOn = (): void => {
    wish = { muted: false, at: room.value ? -Infinity : performance.now() }
  }

  /** What is lost on the way is settled by what the stage says later. */
  async function tell(to: boolean): Promise<void> {
    const id = session.value?.user.id
    try {
      if (id) await api.mute(spaceId, id, to)
      if (room.value && wish.muted === to) wish = { muted: to, at: soonKnown(performance.now()) }
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'mute_locked') return
      wish = { muted: false, at: -Infinity } // He wants to speak, as soon as he may.
      muted.value = 'locked'
    }
  }

  return {
    muted: readonly(muted),
    letOn,
    begin() {
      letOn()
      muted.value = 'no'
    },
    settle(onStage) {
      const settled = settleMute(wish, onStage, performance.now())
      wish = settled.wish
      muted.value = settled.muted
      if (settled.tell) void tell(true)
    },
    async set(to) {
      if (muted.value === 'locked' && !to) return // Only a host opens it.
      const byHost = muted.value === 'host' || muted.value === 'locked'
      wish = { muted: to, at: performance.now() }
      if (byHost && to) return // It is closed already, and the host's word stays.
      muted.value = to ? 'self' : 'no'
      await tell(to)
    },
  }
}
