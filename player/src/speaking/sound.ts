import type { Sound } from '@odeon/common/internal.ts'
import { readonly, ref } from 'vue'

/**
 * What this speaker sends: a voice, with everything that browser and stage can do for it, or music, with which they do nothing. Kept for
 * the tab: a reload goes on as before, another evening begins with a voice.
 */
const KEY = 'odeon.sound'

const current = ref<Sound>(restore())

export const sound = readonly(current)

export function chooseSound(next: Sound): void {
  current.value = next
  try {
    sessionStorage.setItem(KEY, next)
  } catch {
    // Storage is forbidden: it lasts as long as the page.
  }
}

function restore(): Sound {
  try {
    return sessionStorage.getItem(KEY) === 'music' ? 'music' : 'voice'
  } catch {
    return 'voice'
  }
}
