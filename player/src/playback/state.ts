import type { StageMember } from '@odeon/common/events.ts'

/** What a listener is told about the sound. */
export type PlaybackState =
  | { kind: 'idle' }
  | { kind: 'loading' }
  | { kind: 'playing' }
  | { kind: 'paused' } // By us, or by the system: a call, a headset that was pulled out.
  | { kind: 'reconnecting'; attempt: number }
  | { kind: 'ended' }
  | { kind: 'unsupported' }

/** The stage at one moment of the sound. */
export interface StageMoment {
  title: string
  members: StageMember[]
  /** Ids of members. */
  talking: string[]
}
