import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** A fact that is shown for a moment: "Copied". */
export function useFlash(ms = 2000): { shown: Readonly<Ref<boolean>>; flash(): void } {
  const shown = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  onScopeDispose(() => clearTimeout(timer))
  return {
    shown: readonly(shown),
    flash() {
      clearTimeout(timer)
      shown.value = true
      timer = setTimeout(() => (shown.value = false), ms)
    },
  }
}
