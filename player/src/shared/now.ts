import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** The time (epoch ms), told anew every `ms`. */
export function useNow(ms = 1000): Readonly<Ref<number>> {
  const now = ref(Date.now())
  const timer = setInterval(() => (now.value = Date.now()), ms)
  onScopeDispose(() => clearInterval(timer))
  return readonly(now)
}
