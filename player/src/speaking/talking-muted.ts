import { onScopeDispose, readonly, ref, watch, type Ref } from 'vue'

/** How loud a voice is at least, on the scale of `Microphone.level`: −36 dBFS, and 12 dB above the room. */
const VOICE = 0.4
const ABOVE_ROOM = 0.2
/** So much of a voice within the window is talk, and not a cough. */
const TALK_MS = 500
const WINDOW_MS = 1200
/** The end of the sentence that he was saying when he muted himself is meant for nobody. */
const TAIL_MS = 1000
const QUIET_MS = 6000

/** Whether somebody talks who is muted, from readings of his level. */
export class TalkingMuted {
  #since: number | undefined
  #room = 1
  #voiced: { at: number; ms: number }[] = []
  #last = 0
  #talkedAt: number | undefined

  /** `at`: ms, upwards. True from the moment it is clear that he talks until he has been quiet for a while. */
  hear(level: number, at: number): boolean {
    const ms = this.#since === undefined ? 0 : at - this.#last
    this.#since ??= at
    this.#last = at
    // What is lowest is the room; it rises slowly where the room grows louder.
    this.#room = Math.min(level, this.#room + ms * 0.00005)
    if (at - this.#since < TAIL_MS) return false
    if (level > VOICE && level > this.#room + ABOVE_ROOM) this.#voiced.push({ at, ms })
    while (this.#voiced[0] && this.#voiced[0].at < at - WINDOW_MS) this.#voiced.shift()
    if (this.#voiced.reduce((sum, { ms }) => sum + ms, 0) >= TALK_MS) this.#talkedAt = at
    return this.#talkedAt !== undefined && at - this.#talkedAt < QUIET_MS
  }
}

const LOOK_MS = 50

/** Whether the speaker talks though he is muted. Nothing of it leaves the page. Ends with its scope. */
export function useTalkingMuted(level: () => number, muted: () => boolean): Readonly<Ref<boolean>> {
  const talking = ref(false)
  let timer: ReturnType<typeof setInterval> | undefined
  const stop = (): void => {
    clearInterval(timer)
    talking.value = false
  }
  watch(
    muted,
    (now) => {
      stop()
      if (!now) return
      const ear = new TalkingMuted()
      timer = setInterval(() => (talking.value = ear.hear(level(), performance.now())), LOOK_MS)
    },
    { immediate: true },
  )
  onScopeDispose(stop)
  return readonly(talking)
}
