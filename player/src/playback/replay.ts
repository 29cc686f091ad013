import { readonly, ref, shallowRef, type Ref } from 'vue'
import type { Archive } from '../api/client.ts'
import type { PlaybackState, StageMoment } from './state.ts'

export function useReplay(_options: { spaceId: string; audio: Ref<HTMLAudioElement | null> }): {
  state: Readonly<Ref<PlaybackState>>
  /** Seconds. */
  position: Readonly<Ref<number>>
  duration: Readonly<Ref<number>>
  stage: Readonly<Ref<StageMoment | null>>
  level(userId: string): number
  rate: Ref<number>
  archive: Readonly<Ref<Archive | null>>
  play(): void
  pause(): void
  seek(seconds: number): void
} {
  return {
    state: readonly(shallowRef<PlaybackState>({ kind: 'idle' })),
    position: readonly(ref(0)),
    duration: readonly(ref(0)),
    stage: shallowRef<StageMoment | null>(null),
    level: () => 0,
    rate: ref(1),
    archive: shallowRef<Archive | null>(null),
    play() {},
    pause() {},
    seek() {},
  }
}
