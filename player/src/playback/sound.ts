import type { ChunkEvents } from '@odeon/common/events.ts'
import type { EpochMs } from '@odeon/common/time.ts'

/** What plays a playlist into an audio element: hls.js, or the browser itself. One of them plays until it fails or is closed. */
export interface Sound {
  /** Wall clock of what is heard; null before there is anything. */
  playingDate(): EpochMs | null
  /** Where a live stream is best heard, seconds of media; null while unknown. */
  livePosition(): number | null
  /** Seconds of sound that lie ahead: listed, if it is live; buffered, if it is a replay. */
  ahead(): number
  /** No more than what is known will come. */
  complete(): boolean
  /** Tries to go on after an error of the decoder. */
  recoverMedia(): void
  close(): void
}

/** Why it can't go on by itself. `status` is that of HTTP, 0 when nobody answered. */
export type Trouble =
  | { kind: 'media' }
  | { kind: 'network'; status: number }
  | { kind: 'other' }
  /** Nothing is broken, but it goes on in another way: at once, with a new Sound. */
  | { kind: 'change' }

export interface SoundOptions {
  audio: HTMLAudioElement
  url: string
  kind: 'live' | 'replay'
  /** Seconds of media; the beginning, or the live edge, unless told. */
  startAt?: number | undefined
  /** The events of a chunk when it is there, before it is heard. */
  onEvents(events: ChunkEvents): void
  onTrouble(trouble: Trouble): void
  /** The server answered, if only with "not yet". */
  onAnswer(): void
}

export type OpenSound = (options: SoundOptions) => Sound

/** The opener for this browser, null if there is none: hls.js where it runs (iOS from 17.1 too), the browser's own HLS elsewhere. */
export async function loadSound(): Promise<OpenSound | null> {
  const { hlsIsSupported, openHls } = await import('./hls.ts')
  if (hlsIsSupported()) return openHls
  const { nativeIsSupported, openNative } = await import('./native-hls.ts')
  return nativeIsSupported() ? openNative : null
}
