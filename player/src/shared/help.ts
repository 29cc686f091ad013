import { ref } from 'vue'

/** Whether the dialog with the keys is open; drawn by App.vue. */
export const helpShown = ref(false)
export const showHelp = (): void => void (helpShown.value = true)
