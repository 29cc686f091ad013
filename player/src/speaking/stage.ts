import type { Sound } from '@odeon/common/internal.ts'
import type { RoomView } from '@odeon/common/room.ts'
import { onScopeDispose, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError } from '../api/http.ts'
import { session } from '../api/session.ts'
import { backoffMs, rest } from '../playback/backoff.ts'
import type { StageMoment } from '../playback/state.ts'
import { chooseMicrophone } from './choices.ts'
import type { Microphone } from './microphone.ts'
import type { Muted } from './mute.ts'
import { useMuting } from './muting.ts'
import { useOwnMicrophone, type MicrophoneNews } from './own-microphone.ts'
import { finalFailure, StageFailure, type FailReason } from './refusal.ts'
import { chooseSound, sound } from './sound.ts'
import { newTurn, type Turn } from './turn.ts'
import { watchStage, type StageNews } from './watch-stage.ts'
import { dial, type Call } from './whip.ts'

export type StageState =
  | { kind: 'off' }
  | { kind: 'asking' } // For the microphone.
  /** His hand is up: the microphone is open, and nobody hears him. `crowded`: his connection is made only when he is let on, since too many wait. */
  | { kind: 'ready'; crowded?: boolean }
  | { kind: 'connecting' }
  | { kind: 'on' }
  | { kind: 'reconnecting'; attempt: number }
  | { kind: 'failed'; reason: FailReason; message: string }

export interface StageOptions {
  spaceId: string
  /** Plays what the others say. */
  audio: Readonly<Ref<HTMLAudioElement | null>>
  /** What the socket of the stage shows; null while it is not there, and the snapshot is asked instead. */
  room: Readonly<Ref<RoomView | null>>
}

export interface Speaking {
  state: Readonly<Ref<StageState>>
  muted: Readonly<Ref<Muted>>
  /** As the server tells it; null while not on stage. */
  stage: Readonly<Ref<StageMoment | null>>
  /** The others are heard: their sound arrives. */
  hears: Readonly<Ref<boolean>>
  microphone: Readonly<Ref<Microphone | undefined>>
  microphoneNews: Readonly<Ref<MicrophoneNews | undefined>>
  forgetNews(): void
  /** With a hand up: asks for the microphone and connects, unheard. Call it within a press. `join`, or the host, lets him on. Never rejects. */
  prepare(): Promise<void>
  /** Asks for the microphone, unless that is done, and goes on stage. Call it within a press. Settles when that is done or has failed; never rejects. */
  join(): Promise<void>
  /** Closes the microphone at once, and hangs up when `heardOut` has resolved: till then the others are heard. */
  leave(heardOut?: Promise<void>): void
  /** A host took him off: there is nothing to hang up. */
  takenOff(): void
  setMuted(muted: boolean): Promise<void>
  /** Voice or music: from the next call on, which is made at once. */
  setSound(sound: Sound): Promise<void>
  /** At once, in the same call. */
  setMicrophone(id: string): Promise<void>
  /** There was none any more: perhaps there is one now. Call it within a press. */
  retryMicrophone(): Promise<void>
}

const isCrowded = (error: unknown): boolean => error instanceof ApiError && error.code === 'waiting_full'

/** A call that lasted so long was good: the next loss is a new one. */
const GOOD_CALL_MS = 5000

/** Speaking: the connection, with a microphone at its end, and dialling again until the space is over. Ends with its scope. */
export function useStage({ spaceId, audio, room }: StageOptions): Speaking {
  const state = shallowRef<StageState>({ kind: 'off' })
  const stage = shallowRef<StageMoment | null>(null)
  const hears = ref(false)
  let call: Call | undefined
  let turn: Turn | undefined
  const muting = useMuting({ spaceId, room })
  const { muted } = muting
  const own = useOwnMicrophone({ muted, onTrack: (track) => call?.replaceTrack(track) })

  async function begin(isLetOn: boolean): Promise<void> {
    if (turn) return
    const mine = (turn = newTurn(isLetOn))
    muting.begin()
    state.value = { kind: 'asking' }
    try {
      if (!(await own.open())) return
    } catch (error) {
      if (turn === mine) fail(error)
      return
    }
    state.value = { kind: mine.isLetOn ? 'connecting' : 'ready' }
    window.addEventListener('pagehide', () => call?.hangUp(), { signal: mine.signal })
    keepSpeaking(mine).catch(fail)
  }

  async function join(): Promise<void> {
    if (!turn) void begin(true)
    const mine = turn!
    if (!mine.isLetOn) {
      muting.letOn()
      mine.letHimOn()
      if (state.value.kind === 'ready') state.value = { kind: call ? 'on' : 'connecting' }
    }
    await mine.arrived
  }

  /** Dials, speaks until the connection is lost, dials again. Throws what is final. */
  async function keepSpeaking(mine: Turn): Promise<void> {
    const { signal } = mine
    for (let attempt = 1; ; attempt++) {
      const dialled = sound.value
      const since = performance.now()
      const waited = !mine.isLetOn
      try {
        if (mine.isLetOn) await speak(mine, dialled)
        else await wait(mine, dialled)
        if (performance.now() - since > GOOD_CALL_MS) attempt = 1
      } catch (error) {
        if (turn !== mine) return
        if (!mine.isLetOn) {
          // No room for one more who waits, or his hand is down again: he dials when he is let on.
          if (isCrowded(error) && state.value.kind === 'ready') state.value = { kind: 'ready', crowded: true }
          await mine.letOn
          attempt = 0
        } else {
          const failure = finalFailure(error)
          if (failure) throw failure
        }
      }
      if (turn !== mine || signal.aborted) return
      call = undefined
      hears.value = false
      const letOnUnconnected = waited && mine.isLetOn && state.value.kind !== 'on'
      if (sound.value !== dialled || letOnUnconnected || attempt === 0) {
        attempt = 0
        continue
      }
      if (mine.isLetOn) state.value = { kind: 'reconnecting', attempt }
      if (!(await rest(backoffMs(attempt), signal))) return
      // Whose hand was put down waits no more: he dials when he is let on.
      if (!mine.isLetOn && (room.value?.you.hand ?? null) === null) await mine.letOn
    }
  }

  async function connect(mine: Turn, dialled: Sound, ready: boolean): Promise<Call> {
    const token = session.value?.token
    if (!token) throw new StageFailure('forbidden', 'Who speaks needs a name.')
    call = await dial({
      spaceId,
      token,
      track: own.microphone.value!.track,
      sound: dialled,
      ready,
      onSound: play,
      onMix: () => (hears.value = true),
      signal: mine.signal,
    })
    if (sound.value !== dialled) call.drop() // Chosen anew meanwhile.
    return call
  }

  /** On stage, until the connection is lost. */
  async function speak(mine: Turn, dialled: Sound): Promise<void> {
    await onStage(mine, await connect(mine, dialled, false), dialled)
  }

  /** The room shows his hand: a connection for a hand that is not up is refused. */
  const handSeen = (): Promise<void> =>
    new Promise((resolve) => {
      const unwatch = watch(
        () => room.value?.you.hand ?? null,
        (place) => {
          if (place === null) return
          queueMicrotask(() => unwatch())
          resolve()
        },
        { immediate: true },
      )
    })

  /** Connected and unheard, until he is let on; then on stage, in the same call. */
  async function wait(mine: Turn, dialled: Sound): Promise<void> {
    await Promise.race([handSeen(), mine.letOn])
    if (turn !== mine || mine.isLetOn) return
    const made = await connect(mine, dialled, true)
    await Promise.race([made.ended, mine.letOn])
    if (mine.isLetOn) await onStage(mine, made, dialled)
  }

  async function onStage(mine: Turn, made: Call, dialled: Sound): Promise<void> {
    if (turn !== mine) return
    if (sound.value === dialled) state.value = { kind: 'on' }
    mine.arrive()
    const unwatch = watchStage({ spaceId, room, onNews: learn })
    await made.ended
    unwatch()
  }

  function play(sound: MediaStream): void {
    if (!audio.value) return
    audio.value.srcObject = sound
    audio.value.play().catch(() => {}) // Who uses a microphone may play; where not, the next press does it.
  }

  function learn(news: StageNews): void {
    if (state.value.kind !== 'on') return
    switch (news.kind) {
      case 'stage':
        stage.value = news.stage
        if (news.me) muting.settle(news.me.muted)
        return
      case 'taken-off':
        return takenOff()
      case 'missed':
        return call?.drop()
      case 'ended':
        return fail(new StageFailure('ended', 'The space has ended.'))
    }
  }

  const takenOff = (): void => {
    if (turn) fail(new StageFailure('forbidden', 'You were taken off the stage.'))
  }

  function stop(next: StageState, heardOut: Promise<void> = Promise.resolve()): void {
    state.value = next
    if (!turn) return
    const leaving = call
    const played = audio.value?.srcObject
    call = undefined
    own.close()
    stage.value = null
    hears.value = false
    const mine = turn
    turn = undefined
    const hangUp = (): void => {
      if (next.kind === 'failed' && next.reason === 'ended') leaving?.drop()
      else leaving?.hangUp()
      mine.end()
      if (audio.value && audio.value.srcObject === played) audio.value.srcObject = null
    }
    if (next.kind === 'failed') hangUp()
    else void heardOut.then(hangUp, hangUp)
  }

  function fail(error: unknown): void {
    const { reason, message } =
      finalFailure(error) ?? new StageFailure('error', 'The stage could not be reached.', { cause: error })
    stop({ kind: 'failed', reason, message })
  }

  onScopeDispose(() => stop({ kind: 'off' }))

  return {
    state: readonly(state) as Readonly<Ref<StageState>>,
    muted,
    stage,
    hears: readonly(hears),
    microphone: own.microphone,
    microphoneNews: own.news,
    forgetNews: own.forgetNews,
    prepare: () => begin(false),
    join,
    takenOff,
    leave: (heardOut) => stop({ kind: 'off' }, heardOut),
    async setSound(to) {
      if (to === sound.value) return
      chooseSound(to)
      if (!own.microphone.value) return // It counts when he goes on stage.
      const dialled = call
      await own.replace()
      dialled?.drop()
    },
    async setMicrophone(id) {
      chooseMicrophone(id)
      own.forgetNews()
      await own.replace()
    },
    retryMicrophone: own.replace,
    setMuted: muting.set,
  }
}
