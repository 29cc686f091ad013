import type { PlacedPost } from '@odeon/common/posts.ts'
import { computed, ref, watch, type Ref } from 'vue'

/** How many posts came since the reader last looked; what was there when he came is not new. */
export function useUnread(posts: () => readonly PlacedPost[], looking: () => boolean): Readonly<Ref<number>> {
  const seenFrame = ref<number>()
  const newest = (): number | undefined => posts().at(-1)?.frame
  watch(
    [newest, looking],
    ([frame, looks], [_before, looked]) => {
      if (looks || looked || seenFrame.value === undefined) seenFrame.value = frame ?? seenFrame.value ?? -1
    },
    { immediate: true },
  )
  return computed(() => {
    const seen = seenFrame.value
    return seen === undefined || looking() ? 0 : posts().filter(({ frame }) => frame > seen).length
  })
}
