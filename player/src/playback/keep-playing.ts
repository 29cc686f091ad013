import { backoffMs, onAwakening, rest } from './backoff.ts'
import type { OpenSound, Sound, SoundOptions, Trouble } from './sound.ts'
import { StallWatch } from './stall.ts'
import type { PlaybackState } from './state.ts'

/** What may fail is one Sound; the loop here makes it, awaits its end, pauses and makes the next, until the listener or the space stops it. */
export interface KeepPlayingOptions {
  audio: HTMLAudioElement
  url: string
  kind: 'live' | 'replay'
  /** Null: this browser can't play HLS. */
  load(): OpenSound | null | Promise<OpenSound | null>
  /** Where each Sound begins, seconds of media. */
  startAt?(): number
  onEvents: SoundOptions['onEvents']
  /** The Sound that plays now, null when it is gone. */
  onSound(sound: Sound | null): void
  onState(state: PlaybackState): void
  /** Asked when the playlist is not there: is the space over? Rejects when nobody knows. */
  isOver(): Promise<boolean>
  /** The listener, or the page, wants no more. */
  signal: AbortSignal
}

const LOOK_MS = 100
/** After so much sound, the next failure is a new one and not the same again. */
const HEALTHY_MS = 10_000

type End = { kind: 'stopped' | 'over' | 'paused' | 'unsupported' } | { kind: 'failed'; trouble: Trouble }

/**
 * Plays until the end, or until it is aborted, which tells no state. When `load` answers at once, the element plays before this returns:
 * within the press, as browsers want it.
 */
export async function keepPlaying(options: KeepPlayingOptions): Promise<void> {
  const { signal, onState } = options
  let attempt = 0
  onState({ kind: 'loading' })
  for (;;) {
    const beganAt = performance.now()
    const { end, played } = await playOnce(options)
    if (signal.aborted) return
    if (played && performance.now() - beganAt > HEALTHY_MS) attempt = 0
    switch (end.kind) {
      case 'stopped':
        return
      case 'over':
        return onState({ kind: 'ended' })
      case 'unsupported':
        return onState({ kind: 'unsupported' })
      case 'paused':
        return onState({ kind: 'paused' })
      case 'failed':
        if (end.trouble.kind === 'change') continue
        if (isMissing(end.trouble) && (await options.isOver().catch(() => false)))
          return signal.aborted ? undefined : onState({ kind: 'ended' })
        attempt++
        // A space that has just begun has no playlist yet: that is loading.
        if (played || !isMissing(end.trouble)) onState({ kind: 'reconnecting', attempt })
        if (!(await rest(backoffMs(attempt), signal))) return
    }
  }
}

const isMissing = (trouble: Trouble): boolean =>
  trouble.kind === 'network' && (trouble.status === 404 || trouble.status === 410)

async function playOnce(options: KeepPlayingOptions): Promise<{ end: End; played: boolean }> {
  const loading = options.load()
  let open: OpenSound | null
  try {
    open = loading instanceof Promise ? await loading : loading
  } catch {
    return { end: { kind: 'failed', trouble: { kind: 'network', status: 0 } }, played: false } // The code itself.
  }
  if (options.signal.aborted) return { end: { kind: 'stopped' }, played: false }
  if (!open) return { end: { kind: 'unsupported' }, played: false }
  return listenTo(open, options)
}

function listenTo(open: OpenSound, options: KeepPlayingOptions): Promise<{ end: End; played: boolean }> {
  const { audio, onState, signal: stop } = options
  return new Promise((resolve) => {
    const done = new AbortController()
    const { signal } = done
    const watch = new StallWatch(performance.now())
    let answeredAt = performance.now()
    let repairs = 0
    let told: PlaybackState['kind'] = 'loading'
    // eslint-disable-next-line prefer-const -- hls.js may fail while it is being made.
    let sound: Sound | undefined

    const finish = (end: End): void => {
      if (signal.aborted) return
      done.abort()
      clearInterval(timer)
      options.onSound(null)
      sound?.close()
      resolve({ end, played: watch.played })
    }
    const play = (): void => {
      audio.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError') finish({ kind: 'paused' })
      }) // AbortError: something newer is loading.
    }
    const tell = (kind: 'playing' | 'reconnecting'): void => {
      if (told === kind) return
      told = kind
      onState(kind === 'playing' ? { kind } : { kind, attempt: 1 })
    }
    const onTrouble = (trouble: Trouble): void => {
      if (audio.paused && watch.played) return finish({ kind: 'paused' }) // Nobody waits for it.
      if (trouble.kind !== 'media' || ++repairs > 1 || !sound) return finish({ kind: 'failed', trouble })
      sound.recoverMedia()
      play()
    }
    const look = (): void => {
      if (!sound) return
      const now = performance.now()
      if (audio.paused && !audio.ended) return watch.rest(now)
      const moments = { now, position: audio.currentTime, ahead: sound.ahead(), answeredAt }
      const verdict = audio.ended ? 'over' : watch.look(moments, sound.complete())
      switch (verdict) {
        case 'fine':
          if (watch.played) tell('playing')
          return
        case 'over':
          return finish({ kind: 'over' })
        case 'stalled':
          if (watch.played) tell('reconnecting')
          return
        case 'seek':
          audio.currentTime =
            (options.kind === 'live' ? sound.livePosition() : null) ?? audio.currentTime + 0.05
          watch.sought(now, audio.currentTime)
          return play()
        case 'renew':
          return finish({ kind: 'failed', trouble: { kind: 'other' } })
      }
    }

    const timer = setInterval(look, LOOK_MS)
    stop.addEventListener('abort', () => finish({ kind: 'stopped' }), { signal })
    audio.addEventListener('seeking', () => watch.jumped(audio.currentTime), { signal })
    audio.addEventListener('ended', look, { signal })
    audio.addEventListener('timeupdate', look, { signal }) // Timers of hidden pages are slow.
    onAwakening(() => {
      look()
      if (told === 'reconnecting') finish({ kind: 'failed', trouble: { kind: 'other' } })
    }, signal)
    sound = open({
      audio,
      url: options.url,
      kind: options.kind,
      startAt: options.startAt?.(),
      onEvents: options.onEvents,
      onTrouble,
      onAnswer: () => (answeredAt = performance.now()),
    })
    if (signal.aborted) return sound.close()
    options.onSound(sound)
    play()
  })
}
