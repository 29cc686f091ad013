import type { StageMember } from '@odeon/common/events.ts'
import type { Sound } from '@odeon/common/internal.ts'
import type { RoomView } from '@odeon/common/room.ts'
import { onScopeDispose, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { api, ApiError } from '../api/client.ts'
import { session } from '../api/session.ts'
import { backoffMs, rest } from '../playback/backoff.ts'
import type { StageMoment } from '../playback/state.ts'
import { chooseMicrophone, microphoneId } from './choices.ts'
import { useDevices, type Devices } from './devices.ts'
import { openMicrophone, type Microphone } from './microphone.ts'
import { settleMute, soonKnown, type Muted, type MuteWish } from './mute.ts'
import { finalFailure, StageFailure, type FailReason } from './refusal.ts'
import { chooseSound, sound } from './sound.ts'
import { dial, type Call } from './whip.ts'

export type StageState =
  | { kind: 'off' }
  | { kind: 'asking' } // For the microphone.
  | { kind: 'ready' } // His hand is up: the microphone is open, the connection made if there was room for it, and nobody hears him.
  | { kind: 'connecting' }
  | { kind: 'on' }
  | { kind: 'reconnecting'; attempt: number }
  | { kind: 'failed'; reason: FailReason; message: string }

/** What happened to the microphone without his doing. */
export type MicrophoneNews = { kind: 'other'; label: string } | { kind: 'gone' }

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
}

const POLL_MS = 1000
/** Who is on stage and not seen there for so long has lost his place. */
const MISSED_MS = 5000
/** A call that lasted so long was good: the next loss is a new one. */
const GOOD_CALL_MS = 5000

/** One time on stage, or on the way there. */
interface Turn {
  readonly signal: AbortSignal
  /** He may be heard. False while his hand is up. */
  isLetOn: boolean
  /** Resolves when he is let on, or when it is over. */
  readonly letOn: Promise<void>
  /** Resolves when he is on stage, or when it is over. */
  readonly arrived: Promise<void>
  letHimOn(): void
  arrive(): void
  end(): void
}

function newTurn(isLetOn: boolean): Turn {
  const over = new AbortController()
  const later = (): [Promise<void>, () => void] => {
    let settle = (): void => {}
    const promise = new Promise<void>((resolve) => (settle = resolve))
    over.signal.addEventListener('abort', settle)
    return [promise, settle]
  }
  const [letOn, settleLetOn] = later()
  const [arrived, arrive] = later()
  if (isLetOn) settleLetOn()
  const turn: Turn = {
    signal: over.signal,
    isLetOn,
    letOn,
    arrived,
    arrive,
    letHimOn() {
      turn.isLetOn = true
      settleLetOn()
    },
    end: () => over.abort(),
  }
  return turn
}

/** Speaking: microphone, connection, and dialling again until the space is over. Ends with its scope. */
export function useStage({ spaceId, audio, room }: StageOptions): Speaking {
  const state = shallowRef<StageState>({ kind: 'off' })
  const muted = ref<Muted>('no')
  const stage = shallowRef<StageMoment | null>(null)
  const hears = ref(false)
  const microphone = shallowRef<Microphone>()
  const news = shallowRef<MicrophoneNews>()
  let wish: MuteWish = { muted: false, at: -Infinity }
  let call: Call | undefined
  let turn: Turn | undefined

  const me = (): string | undefined => session.value?.user.id
  const { look } = useDevices((now) => void pluggedInOrOut(now))

  /** He comes to speak. How he was muted before the socket knows; the snapshot may be of then. */
  const fresh = (): MuteWish => ({ muted: false, at: room.value ? -Infinity : performance.now() })

  async function begin(isLetOn: boolean): Promise<void> {
    if (turn) return
    const mine = (turn = newTurn(isLetOn))
    wish = fresh()
    news.value = undefined
    show('no')
    state.value = { kind: 'asking' }
    try {
      const opened = await openMicrophone(sound.value, microphoneId.value)
      if (mine.signal.aborted) return opened.close()
      use(opened, mine)
    } catch (error) {
      if (!mine.signal.aborted) fail(error)
      return
    }
    void look().catch(() => {})
    state.value = { kind: mine.isLetOn ? 'connecting' : 'ready' }
    window.addEventListener('pagehide', () => call?.hangUp(), { signal: mine.signal })
    keepSpeaking(mine).catch(fail)
  }

  async function join(): Promise<void> {
    if (!turn) void begin(true)
    const mine = turn!
    if (!mine.isLetOn) {
      wish = fresh()
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
          // No room for one more who waits, or his hand is not seen yet: he dials when he is let on.
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
      // A connection that waits raises the hand. Once it was put down nobody raises it again but its owner.
      if (!mine.isLetOn && (room.value?.you.hand ?? null) === null) await mine.letOn
    }
  }

  async function connect(mine: Turn, dialled: Sound, ready: boolean): Promise<Call> {
    const token = session.value?.token
    if (!token) throw new StageFailure('forbidden', 'Who speaks needs a name.')
    call = await dial({
      spaceId,
      token,
      track: microphone.value!.track,
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

  /** The room shows his hand: a connection for a hand that is not up yet would raise it, also after it was refused. */
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
    const stop = watchStage(performance.now())
    await made.ended
    stop()
  }

  function use(opened: Microphone, mine: Turn): void {
    microphone.value?.close()
    microphone.value = opened
    opened.track.enabled = muted.value === 'no'
    // Pulled out: the one that is left takes its place.
    opened.track.addEventListener('ended', () => void pulledOut(mine), { signal: mine.signal })
  }

  async function replaceMicrophone(mine: Turn): Promise<void> {
    const opened = await openMicrophone(sound.value, microphoneId.value)
    if (mine.signal.aborted) return opened.close()
    use(opened, mine)
    await call?.replaceTrack(opened.track)
  }

  async function pulledOut(mine: Turn): Promise<void> {
    try {
      await replaceMicrophone(mine)
      news.value = { kind: 'other', label: microphone.value?.label ?? '' }
    } catch {
      if (!mine.signal.aborted) news.value = { kind: 'gone' } // He hears on, and speaks again with the next one.
    }
  }

  /** With no microphone any one will do; the one that was chosen is taken whenever it is there. */
  async function pluggedInOrOut({ microphones }: Devices): Promise<void> {
    const mine = turn
    if (!mine || !microphone.value) return
    const chosen = microphoneId.value
    const isBack =
      chosen !== '' && microphone.value.id !== chosen && microphones.some(({ id }) => id === chosen)
    if (!isBack && news.value?.kind !== 'gone') return
    try {
      await replaceMicrophone(mine)
      news.value = { kind: 'other', label: microphone.value.label }
    } catch {
      // Not this one either.
    }
  }

  function play(sound: MediaStream): void {
    if (!audio.value) return
    audio.value.srcObject = sound
    audio.value.play().catch(() => {}) // Who uses a microphone may play; where not, the next press does it.
  }

  /** What the socket tells is followed as it comes; while there is none the snapshot is asked once a second. */
  function watchStage(since: number): () => void {
    let seenAt: number | undefined
    let asking = false
    const see = async (found: boolean, isListener: () => boolean | Promise<boolean>): Promise<void> => {
      const now = performance.now()
      if (found) seenAt = now
      else if (seenAt !== undefined && (await isListener())) takenOff()
      else if (now - (seenAt ?? since) > MISSED_MS) call?.drop()
    }
    const follow = (now: RoomView | null): void => {
      if (!now || state.value.kind !== 'on') return
      void see(hear(now.title, now), () => now.you.role === 'listener')
    }
    const poll = async (): Promise<void> => {
      if (asking || room.value) return follow(room.value)
      asking = true
      try {
        const space = await api.space(spaceId)
        if (state.value.kind !== 'on') return
        if (space.state === 'ended') return fail(new StageFailure('ended', 'The space has ended.'))
        if (space.stage)
          await see(hear(space.title, space.stage), async () => (await api.me(spaceId)) === 'listener')
      } catch {
        // The control plane is away. Talk goes on; the next second asks again.
      } finally {
        asking = false
      }
    }
    void poll()
    const timer = setInterval(() => void poll(), POLL_MS)
    const unwatch = watch(room, follow)
    return () => {
      clearInterval(timer)
      unwatch()
    }
  }

  const takenOff = (): void => {
    if (turn) fail(new StageFailure('forbidden', 'You were taken off the stage.'))
  }

  /** True when we are seen on stage. */
  function hear(title: string, seen: { members: StageMember[]; talking: string[] }): boolean {
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
    if (microphone.value) microphone.value.track.enabled = next === 'no'
  }

  /** What is lost on the way is settled by what the stage says later. */
  async function tellMute(to: boolean): Promise<void> {
    const id = me()
    try {
      if (id) await api.mute(spaceId, id, to)
      if (room.value && wish.muted === to) wish = { muted: to, at: soonKnown(performance.now()) }
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'mute_locked') return
      wish = { muted: false, at: -Infinity } // He wants to speak, as soon as he may.
      show('locked')
    }
  }

  function stop(next: StageState, heardOut: Promise<void> = Promise.resolve()): void {
    state.value = next
    if (!turn) return
    const leaving = call
    const played = audio.value?.srcObject
    call = undefined
    microphone.value?.close()
    microphone.value = undefined
    stage.value = null
    news.value = undefined
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
    muted: readonly(muted),
    stage,
    hears: readonly(hears),
    microphone,
    microphoneNews: news,
    forgetNews: () => void (news.value = undefined),
    prepare: () => begin(false),
    join,
    takenOff,
    leave: (heardOut) => stop({ kind: 'off' }, heardOut),
    async setSound(to) {
      if (to === sound.value) return
      chooseSound(to)
      if (!turn || !microphone.value) return // It counts when he goes on stage.
      const dialled = call
      await replaceMicrophone(turn).catch(fail)
      dialled?.drop()
    },
    async setMicrophone(id) {
      chooseMicrophone(id)
      news.value = undefined
      if (turn && microphone.value) await replaceMicrophone(turn).catch(fail)
    },
    async setMuted(to) {
      if (muted.value === 'locked' && !to) return // Only a host opens it.
      const byHost = muted.value === 'host' || muted.value === 'locked'
      wish = { muted: to, at: performance.now() }
      if (byHost && to) return // It is closed already, and the host's word stays.
      show(to ? 'self' : 'no')
      await tellMute(to)
    },
  }
}
