import { readonly, ref, shallowRef, type Ref } from 'vue'
import type { PlaybackState, StageMoment } from './state.ts'

export type { PlaybackState, StageMoment } from './state.ts'

export function useListen(_options: { spaceId: string; audio: Ref<HTMLAudioElement | null> }): {
  state: Readonly<Ref<PlaybackState>>
  /** Seconds behind the stage; null while unknown. */
  delay: Readonly<Ref<number | null>>
  stage: Readonly<Ref<StageMoment | null>>
  /** 0 … 1. */
  level(userId: string): number
  listen(): void
  pause(): void
  goLive(): void
  volume: Ref<number>
} {
  return {
    state: readonly(shallowRef<PlaybackState>({ kind: 'idle' })),
    delay: readonly(ref<number | null>(null)),
    stage: shallowRef<StageMoment | null>(null),
    level: () => 0,
    listen() {},
    pause() {},
    goLive() {},
    volume: ref(1),
  }
}
