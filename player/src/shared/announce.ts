import { readonly, ref } from 'vue'

const spoken = ref('')

/** What screen readers are told; drawn by App.vue in a polite live region. */
export const announcement = readonly(spoken)

/** Says something that matters and can't be seen from where the focus is. Not for what changes all the time. */
export function announce(sentence: string): void {
  // The same sentence twice is not a change; a no-break space makes it one.
  spoken.value = spoken.value === sentence ? `${sentence}\u00a0` : sentence
}
