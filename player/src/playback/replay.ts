import type { Counts } from '@odeon/common/posts.ts'
import { onScopeDispose, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { api, ApiError, type Archive } from '../api/client.ts'
import { backoffMs, rest } from './backoff.ts'
import { Conversation, type ConversationMoment, NOTHING_SAID } from './conversation.ts'
import { keepPlaying } from './keep-playing.ts'
import { loadSound, type OpenSound, type Sound } from './sound.ts'
import type { PlaybackState, StageMoment } from './state.ts'
import { Timeline } from './timeline.ts'

export interface ReplayOptions {
  spaceId: string
  audio: Readonly<Ref<HTMLAudioElement | null>>
}

export interface Replay {
  state: Readonly<Ref<PlaybackState>>
  /** Seconds from the start of the space. */
  position: Readonly<Ref<number>>
  /** Seconds; 0 until it is known. */
  duration: Readonly<Ref<number>>
  /** The stage as it was at the position. */
  stage: Readonly<Ref<StageMoment | null>>
  /** What had been written by then. */
  conversation: Readonly<Ref<ConversationMoment>>
  /** Those just heard: a new object for each. */
  reactions: Readonly<Ref<Counts | null>>
  /** How loud somebody is in what is heard now, 0 to 1. */
  level(userId: string): number
  /** Pitch is kept. */
  rate: Ref<number>
  /** Null until it is there. */
  archive: Readonly<Ref<Archive | null>>
  /** To be called within the press. From the beginning, if it had ended. */
  play(): void
  pause(): void
  seek(seconds: number): void
  /** A post was removed: it is not shown any more. */
  forget(postId: string): void
}

/** How often the stage is moved on to what is heard. */
const FOLLOW_MS = 20
const STALE_MS = 3000
/** The playhead goes on in steps smaller than this, at any rate. */
const SEEK_MS = 1000

/** A recording: plays, seeks, and shows the stage as it was. Ends with its scope. */
export function useReplay({ spaceId, audio }: ReplayOptions): Replay {
  const state = shallowRef<PlaybackState>({ kind: 'idle' })
  const position = ref(0)
  const duration = ref(0)
  const stage = shallowRef<StageMoment | null>(null)
  const conversation = shallowRef<ConversationMoment>(NOTHING_SAID)
  const reactions = shallowRef<Counts | null>(null)
  const rate = ref(1)
  const archive = shallowRef<Archive | null>(null)
  /** Every change of the stage, as soon as the archive is there; levels, and the stage until then, come with the sound. */
  let recorded = new Timeline()
  const heard = new Timeline({ staleMs: STALE_MS })
  const said = new Conversation({ capacity: Infinity })
  /** Seconds up to which reactions were shown. */
  let shownUpTo = Infinity
  const life = new AbortController()
  let sound: Sound | null = null
  let turn: AbortController | undefined
  /** Where a new Sound begins; until it is there, its position means nothing. */
  let beginsAt: number | null = null

  let opener: OpenSound | null | undefined
  const load = (): OpenSound | null | Promise<OpenSound | null> =>
    opener !== undefined ? opener : loadSound().then((loaded) => (opener = loaded))
  void Promise.resolve(load()).catch(() => {}) // So that a press finds it there; else the press fetches it.
  void fetchArchive()

  async function fetchArchive(): Promise<void> {
    for (let attempt = 1; !life.signal.aborted; attempt++) {
      try {
        const got = await api.archive(spaceId)
        recorded = new Timeline({ capacity: Infinity }) // As large as what was fetched.
        recorded.add(got)
        said.add(got)
        archive.value = got
        duration.value = got.durationMs / 1000
        return show()
      } catch (error) {
        if (error instanceof ApiError && error.status === 404 && attempt > 5) return
        await rest(backoffMs(attempt), life.signal)
      }
    }
  }

  const dateOf = (seconds: number): number | null => {
    const startedAt = archive.value?.startedAt ?? heard.startedAt
    return startedAt === undefined ? null : startedAt + seconds * 1000
  }

  function show(): void {
    const date = dateOf(position.value)
    if (date === null) return
    const seen = recorded.at(Math.max(date, recorded.firstDate ?? date)) ?? heard.at(date)
    if (seen && seen !== stage.value) stage.value = seen
    if (!archive.value) return
    const moment = said.at(date)
    if (moment !== conversation.value) conversation.value = moment
    const [from, to] = [dateOf(shownUpTo)!, date]
    shownUpTo = position.value
    const burst = to - from < SEEK_MS && state.value.kind === 'playing' ? said.reactions(from, to) : undefined
    if (burst) reactions.value = burst
  }

  function stop(next: PlaybackState): void {
    state.value = next
    if (!turn) return
    turn.abort()
    turn = undefined
    audio.value?.pause()
  }

  function play(): void {
    const element = audio.value
    if (!element) return
    if (state.value.kind === 'ended') position.value = 0
    if (turn) return void element.play().catch(() => {})
    turn = new AbortController()
    const { signal } = turn
    element.srcObject = null
    element.preservesPitch = true
    element.addEventListener('pause', () => paused(element), { signal })
    element.addEventListener('playing', () => (state.value = { kind: 'playing' }), { signal })
    if (opener === undefined) element.play().catch(() => {}) // Tells the browser of the press; the sound follows.
    const following = setInterval(() => follow(element), FOLLOW_MS)
    signal.addEventListener('abort', () => clearInterval(following))
    keepPlaying({
      audio: element,
      url: `/replay/${spaceId}/index.m3u8`,
      kind: 'replay',
      load,
      startAt: () => (beginsAt = position.value),
      onEvents: (events) => heard.add(events),
      onSound(now) {
        sound = now
        if (now) setRate(element) // A new source puts it back to the default.
      },
      onState(next) {
        state.value = next
        if (next.kind === 'ended') position.value = duration.value || position.value
        if (next.kind === 'ended' || next.kind === 'paused' || next.kind === 'unsupported') stop(next)
      },
      isOver: () => Promise.resolve(false),
      signal,
    }).catch(() => stop({ kind: 'paused' }))
  }

  /** By us or by the system; the buffer stays. The element fires it late, when it may play again. */
  function paused(element: HTMLAudioElement): void {
    if (element.paused && !element.ended && sound && state.value.kind !== 'loading')
      state.value = { kind: 'paused' }
  }

  function setRate(element: HTMLAudioElement): void {
    element.defaultPlaybackRate = rate.value
    element.playbackRate = rate.value
  }

  function follow(element: HTMLAudioElement): void {
    if (!sound || element.seeking || element.readyState === 0) return
    if (beginsAt !== null && Math.abs(element.currentTime - beginsAt) > 1) return
    beginsAt = null
    position.value = element.currentTime
    if (!archive.value && Number.isFinite(element.duration)) duration.value = element.duration
    show()
  }

  watch(rate, () => audio.value && turn && setRate(audio.value))
  watch(audio, (_element, before) => before && turn && stop({ kind: 'paused' }))
  onScopeDispose(() => {
    life.abort()
    stop({ kind: 'idle' })
  })

  return {
    state: readonly(state) as Readonly<Ref<PlaybackState>>,
    position: readonly(position),
    duration: readonly(duration),
    stage,
    conversation,
    reactions,
    level(userId) {
      const date = dateOf(position.value)
      return date === null || state.value.kind !== 'playing' ? 0 : heard.levelAt(date, userId)
    },
    rate,
    archive,
    play,
    pause() {
      if (state.value.kind === 'playing') audio.value?.pause()
      else if (turn) stop({ kind: 'paused' })
    },
    forget(id) {
      const { startedAt } = archive.value ?? {}
      if (startedAt !== undefined) said.add({ startedAt, events: [{ type: 'unpost', id, frame: 0 }] })
      show()
    },
    seek(seconds) {
      position.value = Math.max(0, Math.min(seconds, duration.value || seconds))
      if (state.value.kind === 'ended') state.value = { kind: 'paused' }
      if (audio.value && sound) audio.value.currentTime = position.value
      if (beginsAt !== null) beginsAt = position.value
      show()
    },
  }
}
