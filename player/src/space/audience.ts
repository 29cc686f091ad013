import { readonly, ref, type Ref } from 'vue'
import { api } from '../api/client.ts'
import { usePoll } from '../shared/poll.ts'

const EVERY_MS = 15_000

/** How many listen; the last number that was known. */
export function useAudience(spaceId: string): Readonly<Ref<number>> {
  const listeners = ref(0)
  usePoll(
    async () => {
      listeners.value = await api.audience(spaceId).catch(() => listeners.value)
    },
    () => EVERY_MS,
  )
  return readonly(listeners)
}
