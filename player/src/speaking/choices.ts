import { readonly, ref, type Ref } from 'vue'

/** Which microphone and which loudspeaker this browser shall use, kept from visit to visit. Empty: the one of the system. */
export const [microphoneId, chooseMicrophone] = kept('odeon.microphone')
export const [loudspeakerId, chooseLoudspeaker] = kept('odeon.loudspeaker')

function kept(key: string): [Readonly<Ref<string>>, (id: string) => void] {
  const current = ref(restore(key))
  const choose = (id: string): void => {
    current.value = id
    try {
      localStorage.setItem(key, id)
    } catch {
      // Storage is forbidden: it lasts as long as the page.
    }
  }
  return [readonly(current), choose]
}

function restore(key: string): string {
  try {
    return localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}
