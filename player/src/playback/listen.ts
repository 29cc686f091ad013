import type { Counts } from '@odeon/common/posts.ts'
import type { EpochMs } from '@odeon/common/time.ts'
import { onScopeDispose, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '../api/client.ts'
import { askServerClock, BEYOND_DATES_MS, localNow } from './clock.ts'
import { Conversation, type ConversationMoment } from './conversation.ts'
import { chosenRendition, savesData } from './data-saver.ts'
import { keepPlaying } from './keep-playing.ts'
import { loadLiveSound } from './live-sound.ts'
import type { OpenSound, Sound } from './sound.ts'
import type { PlaybackState, StageMoment } from './state.ts'
import { Timeline } from './timeline.ts'

export type { PlaybackState, StageMoment } from './state.ts'

export interface ListenOptions {
  spaceId: string
  audio: Readonly<Ref<HTMLAudioElement | null>>
}

export interface Listen {
  state: Readonly<Ref<PlaybackState>>
  /** Seconds from mouth to ear; null while unknown. */
  delay: Readonly<Ref<number | null>>
  /** As heard at the playhead; null while nothing is heard. */
  stage: Readonly<Ref<StageMoment | null>>
  /** What was written up to the playhead; null while nothing is heard. */
  conversation: Readonly<Ref<ConversationMoment | null>>
  /** Those just heard: a new object for each. */
  reactions: Readonly<Ref<Counts | null>>
  /** Who was asked onto the stage of late: told when it arrives, not when it is heard, since it waits for an answer. A new list each time. */
  invited: Readonly<Ref<readonly string[]>>
  /** How loud somebody is in what is heard now, 0 to 1. Cheap: call it for each picture. */
  level(userId: string): number
  /** To be called within the press: browsers play nothing without one. */
  listen(): void
  /** Closes the stream: what is live does not wait. `listen` begins at the live edge. */
  pause(): void
  goLive(): void
  /** 0 to 1. */
  volume: Ref<number>
}

/** How often the stage is moved on to what is heard. */
const FOLLOW_MS = 20
const CLOCK_MS = 60_000
/** A snapshot of the stage comes twice a segment at least. */
const STALE_MS = 3000
const POLL_MS = 2000
/** The playhead goes on in steps smaller than this. */
const SEEK_MS = 1000

/** Live sound: plays, mends, and tells what is heard. Ends with its scope. */
export function useListen({ spaceId, audio }: ListenOptions): Listen {
  const state = shallowRef<PlaybackState>({ kind: 'idle' })
  const delay = ref<number | null>(null)
  const stage = shallowRef<StageMoment | null>(null)
  const conversation = shallowRef<ConversationMoment | null>(null)
  const reactions = shallowRef<Counts | null>(null)
  const volume = ref(1)
  const invited = shallowRef<readonly string[]>([])
  const url = `/live/${spaceId}/index.m3u8`
  const timeline = new Timeline({ staleMs: STALE_MS })
  const said = new Conversation()
  /** Up to here reactions were shown. */
  let shownUpTo = Infinity
  let sound: Sound | null = null
  let turn: AbortController | undefined
  /** The playhead's wall clock less its position, ms. */
  let dateOfZero: number | null = null
  /** What to add to our clock to have the server's, ms. */
  let offset: number | null = null
  let eventsHeard = false

  let opener: OpenSound | null | undefined
  const ahead = new AbortController()
  const load = (): OpenSound | null | Promise<OpenSound | null> =>
    opener !== undefined
      ? opener
      : loadLiveSound({ url, rendition: chosenRendition, signal: ahead.signal }).then(
          (loaded) => (opener = loaded),
        )
  void Promise.resolve(load()).catch(() => {}) // So that a press finds it there; else the press fetches it.

  function stop(next: PlaybackState): void {
    state.value = next
    if (!turn) return // The element may be another's by now.
    turn.abort()
    turn = undefined
    delay.value = null
    stage.value = null
    conversation.value = null
    audio.value?.pause()
  }

  function listen(): void {
    const element = audio.value
    if (!element || turn) return
    const mine = (turn = new AbortController())
    const { signal } = mine
    eventsHeard = false
    shownUpTo = Infinity
    void recall()
    element.srcObject = null // What the stage played there goes before a source.
    element.volume = volume.value
    element.addEventListener('pause', () => pausedBySystem(element), { signal })
    if (opener === undefined) element.play().catch(() => {}) // Tells the browser of the press; the sound follows.
    void every(CLOCK_MS, signal, async () => {
      offset = await askServerClock(signal)
    })
    void every(POLL_MS, signal, pollStage)
    const following = setInterval(follow, FOLLOW_MS)
    signal.addEventListener('abort', () => clearInterval(following))
    keepPlaying({
      audio: element,
      url,
      kind: 'live',
      load,
      onEvents(events) {
        eventsHeard = true
        timeline.add(events)
        // Who is invited follows the stage that it belongs to; nobody is where nothing follows.
        const newest = events.events.findLast(({ type }) => type === 'invited' || type === 'stage')
        if (newest) invited.value = newest.type === 'invited' ? newest.ids : []
        said.add(events)
      },
      onSound: (now) => (sound = now),
      onState(next) {
        state.value = next
        if (next.kind === 'ended' || next.kind === 'paused' || next.kind === 'unsupported') stop(next)
      },
      isOver: async () => (await api.space(spaceId)).state === 'ended',
      signal,
    }).catch(() => stop({ kind: 'paused' })) // Nothing in there throws; if it does, a press begins again.
  }

  /** The element fires it late, when it may play again. */
  function pausedBySystem(element: HTMLAudioElement): void {
    if (element.paused && !element.ended && sound && state.value.kind === 'playing') stop({ kind: 'paused' })
  }

  function follow(): void {
    const element = audio.value
    const date = sound?.playingDate() ?? null
    if (!element || date === null) return
    dateOfZero = date - element.currentTime * 1000
    const heard = timeline.at(date)
    if (heard && heard !== stage.value) stage.value = heard
    if (eventsHeard) converse(date)
    if (offset !== null && state.value.kind === 'playing')
      delay.value = Math.max(0, Math.round((localNow() + offset - date + BEYOND_DATES_MS) / 10) / 100)
  }

  function converse(date: EpochMs): void {
    const moment = said.at(date)
    if (moment !== conversation.value) conversation.value = moment
    // After a seek or a pause nothing is made up for.
    const heard = date - shownUpTo < SEEK_MS ? said.reactions(shownUpTo, date) : undefined
    if (heard) reactions.value = heard
    shownUpTo = date
  }

  /** What was written before this listener came. Without it he sees what comes. */
  async function recall(): Promise<void> {
    const space = await api.space(spaceId).catch(() => undefined)
    if (space?.startedAt !== undefined) said.recall(space.startedAt, space.posts ?? [])
  }

  /** Where the browser hands no events on, the stage is shown as it is, not as it is heard. */
  async function pollStage(): Promise<void> {
    if (eventsHeard || state.value.kind !== 'playing') return
    const space = await api.space(spaceId)
    if (eventsHeard || !space.stage || !turn) return
    stage.value = { title: space.title, ...space.stage }
    conversation.value = { posts: space.posts ?? [], pinned: space.pin ?? null }
  }

  watch(volume, (value) => {
    if (audio.value) audio.value.volume = Math.min(1, Math.max(0, value))
  })
  watch(
    savesData,
    () => {
      if (!turn) return
      stop({ kind: 'loading' })
      listen()
    },
    { flush: 'sync' },
  ) // Within the press, as browsers want it.
  watch(audio, (_element, before) => before && turn && stop({ kind: 'paused' }))
  onScopeDispose(() => {
    ahead.abort()
    stop({ kind: 'idle' })
  })

  return {
    state: readonly(state) as Readonly<Ref<PlaybackState>>,
    delay: readonly(delay),
    stage,
    conversation,
    reactions,
    level(userId) {
      const element = audio.value
      if (!element || !sound || dateOfZero === null) return 0
      return timeline.levelAt(dateOfZero + element.currentTime * 1000, userId)
    },
    invited,
    listen,
    pause() {
      if (turn) stop({ kind: 'paused' })
    },
    goLive() {
      const live = sound?.livePosition() ?? null
      if (!turn) return listen()
      if (audio.value && live !== null) audio.value.currentTime = live
    },
    volume,
  }
}

/** Calls `ask` now and every `ms` until aborted. What it could not do it does the next time. */
async function every(ms: number, signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
  const again = (): void => {
    ask().catch(() => {})
  }
  again()
  const timer = setInterval(again, ms)
  signal.addEventListener('abort', () => clearInterval(timer))
}
