import { DESCRIPTION, eventsOf, parseChunkEvents } from './chunk-events.ts'
import type { Sound, SoundOptions } from './sound.ts'

/** The browser's own HLS, where hls.js can't run: Safari before iOS 17.1. */

export const nativeIsSupported = (): boolean =>
  document.createElement('audio').canPlayType('application/vnd.apple.mpegurl') !== ''

/** What WebKit adds: the wall clock of second 0, and cues with the frames of an ID3 tag. */
interface WithStartDate {
  getStartDate?(): Date
}
interface DataCue extends TextTrackCue {
  value?: { key?: string; info?: string; data?: unknown }
}

export function openNative(options: SoundOptions): Sound {
  const { audio, url, kind, startAt, onEvents, onTrouble, onAnswer } = options
  const released = new AbortController()
  const { signal } = released

  const readTrack = (track: TextTrack | null): void => {
    if (track?.kind !== 'metadata') return
    track.mode = 'hidden'
    const read = (): void => {
      for (const cue of Array.from(track.cues ?? []) as DataCue[]) {
        const { key, info, data } = cue.value ?? {}
        if (key !== 'TXXX' || info !== DESCRIPTION) continue
        const events =
          typeof data === 'string'
            ? parseChunkEvents(data)
            : data instanceof ArrayBuffer && eventsOf(new Uint8Array(data))
        if (events) onEvents(events)
      }
    }
    track.addEventListener('cuechange', read, { signal })
  }
  for (const track of Array.from(audio.textTracks)) readTrack(track)
  audio.textTracks.addEventListener('addtrack', ({ track }) => readTrack(track), { signal })
  audio.addEventListener('progress', onAnswer, { signal })
  audio.addEventListener(
    'error',
    () =>
      onTrouble(
        audio.error?.code === MediaError.MEDIA_ERR_DECODE
          ? { kind: 'media' }
          : { kind: 'network', status: 0 },
      ),
    { signal },
  )
  if (startAt !== undefined)
    audio.addEventListener('loadedmetadata', () => (audio.currentTime = startAt), { signal, once: true })
  audio.src = url

  const lastOf = (ranges: TimeRanges): number | null =>
    ranges.length > 0 ? ranges.end(ranges.length - 1) : null
  return {
    playingDate() {
      const start = (audio as WithStartDate).getStartDate?.().getTime()
      return start === undefined || Number.isNaN(start) ? null : start + audio.currentTime * 1000
    },
    livePosition: () => lastOf(audio.seekable),
    ahead: () => (lastOf(kind === 'live' ? audio.seekable : audio.buffered) ?? 0) - audio.currentTime,
    complete: () => Number.isFinite(audio.duration),
    recoverMedia: () => audio.load(),
    close() {
      released.abort()
      audio.removeAttribute('src')
      audio.load()
    },
  }
}
