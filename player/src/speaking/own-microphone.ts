import { readonly, shallowRef, watch, type Ref } from 'vue'
import { microphoneId } from './choices.ts'
import { useDevices, type Devices } from './devices.ts'
import { openMicrophone, type Microphone } from './microphone.ts'
import type { Muted } from './mute.ts'
import { StageFailure } from './refusal.ts'
import { sound } from './sound.ts'

/** What happened to the microphone without his doing. */
export type MicrophoneNews = { kind: 'other'; label: string } | { kind: 'gone'; denied: boolean }

export interface OwnMicrophoneOptions {
  muted: Readonly<Ref<Muted>>
  /** Another one took the place: this is what it hears. */
  onTrack(track: MediaStreamTrack): Promise<void> | undefined
}

export interface OwnMicrophone {
  /** Undefined until it is open. */
  microphone: Readonly<Ref<Microphone | undefined>>
  news: Readonly<Ref<MicrophoneNews | undefined>>
  /** That there is none stays true. */
  forgetNews(): void
  /** Asks for it. Call it within a press. False when it was closed meanwhile. Throws StageFailure. */
  open(): Promise<boolean>
  /** Opens it anew, as is chosen now; nothing if it is not open. Where that fails the one of before goes on, or there is none. Never rejects. */
  replace(): Promise<void>
  close(): void
}

/** The microphone of whoever speaks, while he does: silent while he is muted, and replaced when it is pulled out or plugged in. */
export function useOwnMicrophone({ muted, onTrack }: OwnMicrophoneOptions): OwnMicrophone {
  const microphone = shallowRef<Microphone>()
  const news = shallowRef<MicrophoneNews>()
  let isOpen: AbortController | undefined
  const { look } = useDevices((now) => void pluggedInOrOut(now))

  async function open(): Promise<boolean> {
    close()
    isOpen = new AbortController()
    if (!(await take(isOpen.signal))) return false
    void look().catch(() => {}) // The browser names the devices now.
    return true
  }

  async function take(signal: AbortSignal): Promise<boolean> {
    const opened = await openMicrophone(sound.value, microphoneId.value)
    if (signal.aborted) {
      opened.close()
      return false
    }
    microphone.value?.close()
    microphone.value = opened
    opened.track.enabled = muted.value === 'no'
    // Pulled out: the one that is left takes its place.
    opened.track.addEventListener('ended', () => void pulledOut(signal), { signal })
    await onTrack(opened.track)
    return !signal.aborted
  }

  async function replace(): Promise<void> {
    if (!isOpen || !microphone.value) return
    const { signal } = isOpen
    try {
      if (await take(signal)) news.value = undefined
    } catch (error) {
      const none = news.value?.kind === 'gone' || microphone.value?.track.readyState === 'ended'
      if (none && !signal.aborted) news.value = lost(error)
    }
  }

  async function pulledOut(signal: AbortSignal): Promise<void> {
    try {
      if (await take(signal)) news.value = { kind: 'other', label: microphone.value?.label ?? '' }
    } catch (error) {
      if (!signal.aborted) news.value = lost(error) // He hears on, and speaks again with the next one.
    }
  }

  /** With no microphone any one will do; the one that was chosen is taken whenever it is there. */
  async function pluggedInOrOut({ microphones }: Devices): Promise<void> {
    if (!isOpen || !microphone.value) return
    const chosen = microphoneId.value
    const isBack =
      chosen !== '' && microphone.value.id !== chosen && microphones.some(({ id }) => id === chosen)
    if (!isBack && news.value?.kind !== 'gone') return
    try {
      if (await take(isOpen.signal)) news.value = { kind: 'other', label: microphone.value.label }
    } catch {
      // Not this one either.
    }
  }

  watch(
    muted,
    (now) => {
      if (microphone.value) microphone.value.track.enabled = now === 'no'
    },
    { flush: 'sync' }, // Not one word more.
  )

  function close(): void {
    isOpen?.abort()
    isOpen = undefined
    microphone.value?.close()
    microphone.value = undefined
    news.value = undefined
  }

  return {
    microphone,
    news: readonly(news),
    forgetNews() {
      if (news.value?.kind === 'other') news.value = undefined
    },
    open,
    replace,
    close,
  }
}

/** There is none any more, or the browser took it away. */
export const lost = (error: unknown): MicrophoneNews => ({
  kind: 'gone',
  denied: error instanceof StageFailure && error.reason === 'denied',
})
