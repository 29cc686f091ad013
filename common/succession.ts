import { roleIn, type Space } from './space.ts'
import { ROOM_TIMES } from './room.ts'
import type { EpochMs } from './time.ts'

/** What becomes of a space whose host vanishes, and when he returns. Plain functions of the document: to do them twice changes nothing. */

/**
 * Somebody takes the host's place: a co-host, or else a speaker; of several the first of `present`, who has stood there longest. The same
 * space when there is nobody. The host who vanished is a co-host if he comes back too late.
 */
export function standIn(space: Space, present: readonly string[], now: EpochMs): Space {
  const others = present.filter((id) => id !== space.host.id)
  const next =
    others.find((id) => roleIn(space, id) === 'cohost') ??
    others.find((id) => roleIn(space, id) === 'speaker')
  const speaker = next === undefined ? undefined : space.speakers[next]
  if (next === undefined || !speaker || speaker.role === 'host') return space
  const gone = space.host
  // A stand-in who vanishes too is again what he was; it is still the first one who gets the space back.
  const earlier = space.vanished
  const goneWas = earlier ? earlier.standInWas : 'cohost'
  return {
    ...space,
    host: { id: next, name: speaker.name },
    speakers: {
      ...space.speakers,
      [gone.id]: { ...(space.speakers[gone.id] ?? { name: gone.name }), role: goneWas },
      [next]: { ...withoutMute(speaker), role: 'host' },
    },
    vanished: {
      id: earlier?.id ?? gone.id,
      name: earlier?.name ?? gone.name,
      at: earlier?.at ?? now,
      standInWas: speaker.role,
    },
  }
}

/** The host who vanished is here again: he gets the space back, if it is not too late. The same space when there is nothing to give back. */
export function giveBack(space: Space, now: EpochMs): Space {
  const { vanished, ...rest } = space
  const before = vanished && space.speakers[vanished.id]
  if (!vanished || !before || vanished.id === space.host.id) return space
  if (now - vanished.at > ROOM_TIMES.hostReturnMs) return rest
  const standIn = space.speakers[space.host.id]
  return {
    ...rest,
    host: { id: vanished.id, name: vanished.name },
    speakers: {
      ...space.speakers,
      [vanished.id]: { ...before, role: 'host' },
      ...(standIn && { [space.host.id]: { ...standIn, role: vanished.standInWas } }),
    },
  }
}

/** A host may always unmute himself. */
export const withoutMute = <T extends { muted?: unknown }>(speaker: T): T =>
  speaker.muted === 'locked' || speaker.muted === 'host' ? { ...speaker, muted: 'self' } : speaker
