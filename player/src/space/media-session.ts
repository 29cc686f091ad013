import { onScopeDispose, watchEffect } from 'vue'

export interface MediaSessionOptions {
  title(): string
  artist(): string
  play(): void
  pause(): void
}

/** What the lock screen and the keys of a headset know about the sound. */
export function useMediaSession({ title, artist, play, pause }: MediaSessionOptions): void {
  if (!('mediaSession' in navigator)) return
  const { mediaSession } = navigator
  watchEffect(() => (mediaSession.metadata = new MediaMetadata({ title: title(), artist: artist() })))
  mediaSession.setActionHandler('play', play)
  mediaSession.setActionHandler('pause', pause)
  onScopeDispose(() => {
    mediaSession.metadata = null
    mediaSession.setActionHandler('play', null)
    mediaSession.setActionHandler('pause', null)
  })
}
