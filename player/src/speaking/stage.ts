import { readonly, ref, shallowRef, type Ref } from 'vue'
import type { StageMoment } from '../playback/state.ts'

export type StageState =
  | { kind: 'off' }
  | { kind: 'asking' } // For the microphone.
  | { kind: 'connecting' }
  | { kind: 'on' }
  | { kind: 'reconnecting'; attempt: number }
  | {
      kind: 'failed'
      reason:
        'denied' | 'no-microphone' | 'insecure' | 'unsupported' | 'full' | 'forbidden' | 'ended' | 'error'
      message: string
    }

export function useStage(_options: { spaceId: string; audio: Ref<HTMLAudioElement | null> }): {
  state: Readonly<Ref<StageState>>
  muted: Readonly<Ref<'no' | 'self' | 'host'>>
  stage: Readonly<Ref<StageMoment | null>>
  /** 0 … 1. */
  ownLevel(): number
  join(): Promise<void>
  leave(): Promise<void>
  setMuted(muted: boolean): Promise<void>
} {
  return {
    state: readonly(shallowRef<StageState>({ kind: 'off' })),
    muted: readonly(ref<'no' | 'self' | 'host'>('no')),
    stage: shallowRef<StageMoment | null>(null),
    ownLevel: () => 0,
    async join() {},
    async leave() {},
    async setMuted() {},
  }
}
