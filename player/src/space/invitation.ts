import { onScopeDispose, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError, api, type RoleInSpace } from '../api/client.ts'
import { session } from '../api/session.ts'

/** The sound says so twice a segment as long as it is open, and once when it is not any more. */
const OPEN_MS = 8000
/** What was answered is still said for a moment in the sound, which comes late. */
const ANSWERED_MS = 12_000

export interface Invitation {
  /** The host asks this listener onto the stage, and waits for an answer. */
  isOpen: Readonly<Ref<boolean>>
  /** Resolves with the role that he has then; null when it was too late. Throws ApiError. */
  answer(yes: boolean): Promise<RoleInSpace | null>
}

/** Ends with its scope. */
export function useInvitation(spaceId: string, invited: Readonly<Ref<readonly string[]>>): Invitation {
  const isSaid = ref(false)
  const answeredAt = shallowRef(-Infinity)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    invited,
    (ids) => {
      clearTimeout(timer)
      if (!ids.includes(session.value?.user.id ?? '')) {
        answeredAt.value = -Infinity // The next one is another invitation.
        isSaid.value = false
        return
      }
      if (performance.now() - answeredAt.value < ANSWERED_MS) return
      isSaid.value = true
      timer = setTimeout(() => (isSaid.value = false), OPEN_MS)
    },
    { flush: 'sync' },
  )
  onScopeDispose(() => clearTimeout(timer))
  return {
    isOpen: readonly(isSaid),
    async answer(yes) {
      try {
        return await api.answerInvitation(spaceId, yes)
      } catch (error) {
        if (error instanceof ApiError && error.code === 'not_invited') return null
        throw error
      } finally {
        answeredAt.value = performance.now()
        isSaid.value = false
      }
    },
  }
}
