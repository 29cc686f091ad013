import { shallowReadonly, shallowRef, type Ref } from 'vue'
import { api } from '../api/client.ts'
import type { Audience } from '../api/views.ts'
import { usePoll } from '../shared/poll.ts'

const EVERY_MS = 15_000

/** How many listen, and a few of them by name; what was known last. */
export function useAudience(spaceId: string): {
  listeners: Readonly<Ref<number>>
  sample: Readonly<Ref<NonNullable<Audience['sample']>>>
} {
  const listeners = shallowRef(0)
  const sample = shallowRef<NonNullable<Audience['sample']>>([])
  usePoll(
    async () => {
      const audience = await api.audience(spaceId).catch(() => undefined)
      if (!audience) return
      listeners.value = audience.listeners
      sample.value = audience.sample ?? []
    },
    () => EVERY_MS,
  )
  return { listeners: shallowReadonly(listeners), sample: shallowReadonly(sample) }
}

/** Whom to name: the newest of the others, and never more than there are. Who has gone on stage is seen there. */
export function namesOf(
  sample: readonly { id: string; name: string }[],
  others: number,
  elsewhere: ReadonlySet<string>,
  most = 4,
): string[] {
  return sample
    .filter(({ id }) => !elsewhere.has(id))
    .map(({ name }) => name)
    .reverse()
    .slice(0, Math.max(0, Math.min(most, others)))
}
