import type { Sound } from '@odeon/common/internal.ts'
import { onScopeDispose, readonly, ref, shallowRef, type Ref } from 'vue'
import { api, type SpaceView } from '../api/client.ts'
import { session } from '../api/session.ts'
import { backoffMs, rest } from '../playback/backoff.ts'
import type { StageMoment } from '../playback/state.ts'
import { openMicrophone, type Microphone } from './microphone.ts'
import { settleMute, type Muted, type MuteWish } from './mute.ts'
import { finalFailure, StageFailure, type FailReason } from './refusal.ts'
import { chooseSound, sound } from './sound.ts'
import { dial, type Call } from './whip.ts'

export type StageState =
  | { kind: 'off' }
  | { kind: 'asking' } // For the microphone.
  | { kind: 'connecting' }
  | { kind: 'on' }
  | { kind: 'reconnecting'; attempt: number }
  | { kind: 'failed'; reason: FailReason; message: string }

export interface StageOptions {
  spaceId: string
  /** Plays what the others say. */
  audio: Readonly<Ref<HTMLAudioElement | null>>
}

export interface Speaking {
  state: Readonly<Ref<StageState>>
  muted: Readonly<Ref<Muted>>
  /** As the server tells it once a second; null while not on stage. */
  stage: Readonly<Ref<StageMoment | null>>
  /** How loud the microphone is, 0 to 1. */
  ownLevel(): number
  /** Asks for the microphone and goes on stage. Call it within a press. Settles when that is done or has failed; never rejects. */
  join(): Promise<void>
  leave(): Promise<void>
  setMuted(muted: boolean): Promise<void>
  /** Voice or music: from the next call on, which is made at once. */
  setSound(sound: Sound): Promise<void>
}

const POLL_MS = 1000
/** Who is on stage and not seen there for so long has lost his place. */
const MISSED_MS = 5000
/** A call that lasted so long was good: the next loss is a new one. */
const GOOD_CALL_MS = 5000

/** Speaking: microphone, connection, and dialling again until the space is over. Ends with its scope. */
export function useStage({ spaceId, audio }: StageOptions): Speaking {
  const state = shallowRef<StageState>({ kind: 'off' })
  const muted = ref<Muted>('no')
  const stage = shallowRef<StageMoment | null>(null)
  let wish: MuteWish = { muted: false, at: -Infinity }
  let microphone: Microphone | undefined
  let call: Call | undefined
  let turn: AbortController | undefined

  const me = (): string | undefined => session.value?.user.id

  async function join(): Promise<void> {
    if (turn) return
    const mine = (turn = new AbortController())
    wish = { muted: false, at: performance.now() }
    show('no')
    state.value = { kind: 'asking' }
    try {
      const opened = await openMicrophone(sound.value)
      if (mine.signal.aborted) return opened.close()
      use(opened, mine.signal)
    } catch (error) {
      if (!mine.signal.aborted) fail(error)
      return
    }
    state.value = { kind: 'connecting' }
    window.addEventListener('pagehide', () => call?.hangUp(), { signal: mine.signal })
    await new Promise<void>((settled) => {
      mine.signal.addEventListener('abort', () => settled())
      keepSpeaking(mine.signal, settled).catch(fail)
    })
  }

  /** Dials, speaks until the connection is lost, dials again. Throws what is final. */
  async function keepSpeaking(signal: AbortSignal, onStage: () => void): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const dialled = sound.value
      try {
        const token = session.value?.token
        if (!token) throw new StageFailure('forbidden', 'Who speaks needs a name.')
        call = await dial({
          spaceId,
          token,
          track: microphone!.track,
          sound: dialled,
          onSound: play,
          signal,
        })
        if (sound.value !== dialled)
          call.drop() // Chosen anew meanwhile.
        else state.value = { kind: 'on' }
        onStage()
        const since = performance.now()
        const poll = watchStage(since)
        await call.ended
        clearInterval(poll)
        if (performance.now() - since > GOOD_CALL_MS) attempt = 1
      } catch (error) {
        const failure = finalFailure(error)
        if (failure && !signal.aborted) throw failure
      }
      call = undefined
      if (signal.aborted) return
      if (sound.value !== dialled) {
        attempt = 0
        continue
      }
      state.value = { kind: 'reconnecting', attempt }
      if (!(await rest(backoffMs(attempt), signal))) return
    }
  }

  function use(opened: Microphone, signal: AbortSignal): void {
    microphone?.close()
    microphone = opened
    opened.track.enabled = muted.value === 'no'
    // Pulled out: the one that is left takes its place.
    opened.track.addEventListener('ended', () => void replaceMicrophone(signal), { signal })
  }

  async function replaceMicrophone(signal: AbortSignal): Promise<void> {
    try {
      const opened = await openMicrophone(sound.value)
      if (signal.aborted) return opened.close()
      use(opened, signal)
      await call?.replaceTrack(opened.track)
    } catch (error) {
      if (!signal.aborted) fail(error)
    }
  }

  function play(sound: MediaStream): void {
    if (!audio.value) return
    audio.value.srcObject = sound
    audio.value.play().catch(() => {}) // Who uses a microphone may play; where not, the next press does it.
  }

  function watchStage(since: number): ReturnType<typeof setInterval> {
    let asking = false
    let seenAt: number | undefined
    const poll = async (): Promise<void> => {
      if (asking) return
      asking = true
      try {
        const space = await api.space(spaceId)
        if (state.value.kind !== 'on') return
        if (space.state === 'ended') return fail(new StageFailure('ended', 'The space has ended.'))
        const now = performance.now()
        if (hear(space)) seenAt = now
        else if (seenAt !== undefined && (await api.me(spaceId)) === 'listener')
          return fail(new StageFailure('forbidden', 'You were taken off the stage.'))
        else if (now - (seenAt ?? since) > MISSED_MS) call?.drop()
      } catch {
        // The control plane is away. Talk goes on; the next second asks again.
      } finally {
        asking = false
      }
    }
    void poll()
    return setInterval(() => void poll(), POLL_MS)
  }

  /** True when we are seen on stage. */
  function hear({ title, stage: seen }: SpaceView): boolean {
    if (!seen) return true // It has just begun.
    stage.value = { title, members: seen.members, talking: seen.talking }
    const mine = seen.members.find(({ id }) => id === me())
    if (!mine) return false
    const settled = settleMute(wish, mine.muted, performance.now())
    wish = settled.wish
    show(settled.muted)
    if (settled.tell) void tellMute(true)
    return true
  }

  function show(next: Muted): void {
    muted.value = next
    if (microphone) microphone.track.enabled = next === 'no'
  }

  /** What is lost on the way is settled by what the stage says later. */
  async function tellMute(to: boolean): Promise<void> {
    const id = me()
    if (id) await api.mute(spaceId, id, to).catch(() => {})
  }

  function stop(next: StageState): void {
    state.value = next
    if (!turn) return
    const leaving = call
    call = undefined
    if (next.kind === 'failed' && next.reason === 'ended') leaving?.drop()
    else leaving?.hangUp()
    turn.abort()
    turn = undefined
    microphone?.close()
    microphone = undefined
    stage.value = null
    if (audio.value?.srcObject) audio.value.srcObject = null
  }

  function fail(error: unknown): void {
    const { reason, message } =
      finalFailure(error) ?? new StageFailure('error', 'The stage could not be reached.', { cause: error })
    stop({ kind: 'failed', reason, message })
  }

  onScopeDispose(() => stop({ kind: 'off' }))

  return {
    state: readonly(state) as Readonly<Ref<StageState>>,
    muted: readonly(muted),
    stage,
    ownLevel: () => microphone?.level() ?? 0,
    join,
    leave() {
      stop({ kind: 'off' })
      return Promise.resolve()
    },
    async setSound(to) {
      if (to === sound.value) return
      chooseSound(to)
      const signal = turn?.signal
      if (!signal || !microphone) return // It counts when he goes on stage.
      await replaceMicrophone(signal)
      call?.drop()
    },
    async setMuted(to) {
      const byHost = muted.value === 'host'
      wish = { muted: to, at: performance.now() }
      if (byHost && to) return // It is closed already, and the host's word stays.
      show(to ? 'self' : 'no')
      await tellMute(to)
    },
  }
}
