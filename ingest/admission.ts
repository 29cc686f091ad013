import { AppError } from '@odeon/common/errors.ts'
import type { Offer } from '@odeon/common/internal.ts'
import { isBanned, roleIn, type Space } from '@odeon/common/space.ts'
import type { RoleInSpace } from '@odeon/common/roles.ts'
import { MAX_WAITING } from '@odeon/common/room.ts'
import type { EpochMs } from '@odeon/common/time.ts'
import type { Hands } from './hands.ts'
import type { Stage } from './stage.ts'

export interface Invitations {
  now: EpochMs
  /** How long one is open. */
  lifeMs: number
}

/** A host asked him onto the stage, and he may still come. */
export function isInvited(space: Space | undefined, id: string, { now, lifeMs }: Invitations): boolean {
  const invited = space?.invited
  const asked = invited && Object.hasOwn(invited, id) ? invited[id] : undefined
  return asked !== undefined && now - asked.at < lifeMs
}

export interface Door {
  /** Undefined where there is no document: the offer decides. */
  space: Space | undefined
  stage: Stage
  hands: Hands
  invited: boolean
  /** Others who wait with their connection made. */
  waiting: number
}

/** As what he comes, a listener to wait. Throws 403 (who may not) and 409 (no seat, or no place to wait). */
export function admit({ id, role: offered }: Offer['speaker'], door: Door): RoleInSpace {
  const { space, stage, hands, invited, waiting } = door
  const role = space ? roleIn(space, id) : offered
  if (space && isBanned(space, id)) throw new AppError(403, 'banned', 'You were banned from this space.')
  if (role !== 'listener') {
    stage.assertRoomFor(id)
    return role
  }
  if (offered !== 'listener')
    throw new AppError(403, 'forbidden', 'You may not speak in this space any more.')
  if (!hands.has(id) && !invited) throw noHand(space)
  if (waiting >= MAX_WAITING)
    throw new AppError(
      409,
      'waiting_full',
      `${MAX_WAITING} connections are ready. Come when your hand is accepted.`,
    )
  return role
}

/** A connection raises none: it may be late, and its owner have put his hand down since. */
const noHand = (space: Space | undefined): AppError =>
  space?.policy === 'invited'
    ? new AppError(403, 'not_invited', 'In this space only who is invited comes on stage.')
    : new AppError(409, 'no_hand', 'Your hand is not up. Raise it first.')
