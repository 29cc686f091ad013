import type { StageMember } from '@odeon/common/events.ts'

export type Muted = StageMember['muted']

/** What the speaker last did with his microphone. `at`: ms on any clock. */
export interface MuteWish {
  muted: boolean
  at: number
}

/** A wish needs so long to come back from the stage: its way there, two caches and a poll. */
const GRACE_MS = 3500
/** Where it was answered and there is a socket, the next thing that is told is the truth. */
const ANSWERED_MS = 500

/** When a wish that was answered `now` would have been made, to be overruled as soon as the socket can know of it. */
export const soonKnown = (now: number): number => now - GRACE_MS + ANSWERED_MS

/**
 * What the microphone is, from what its owner wants and what the stage says. A fresh wish counts alone; after that the stage is
 * right, with one exception: nobody but its owner opens a microphone that he closed. `tell`: the stage is to be told again.
 */
export function settleMute(
  wish: MuteWish,
  onStage: Muted,
  now: number,
): { muted: Muted; wish: MuteWish; tell: boolean } {
  const own = wish.muted ? 'self' : 'no'
  if (now - wish.at < GRACE_MS || onStage === own) return { muted: own, wish, tell: false }
  switch (onStage) {
    case 'host':
    case 'locked':
      return { muted: onStage, wish, tell: false }
    case 'self':
      return { muted: 'self', wish: { muted: true, at: now }, tell: false }
    case 'no':
      return { muted: 'self', wish: { muted: true, at: now }, tell: true }
  }
}
