import { AppError } from '@odeon/common/errors.ts'
import { MAX_HANDS, type RoomAction } from '@odeon/common/room.ts'
import { getSpace, unknownSpace, updateSpace, type Space } from '@odeon/common/space.ts'
import { assertLive, type Deps } from './context.ts'
import { newestRoomState } from './room-states.ts'
import { act, actInOrder, assertMay } from './rules.ts'
import { tellMixer } from './tell-mixer.ts'
import type { User } from './tokens.ts'

/** Does what somebody on the stage or around it wants, come by a route or, as message `n`, by a socket. Throws AppError. */
export async function perform(
  deps: Deps,
  id: string,
  user: User,
  action: RoomAction,
  n?: number,
): Promise<Space> {
  const { ports, now } = deps
  const changeInOrder = (change: (space: Space) => Space): Promise<Space> =>
    changeRoom(deps, id, (space) =>
      n === undefined ? change(space) : actInOrder(space, n, { user, now: now() }, change),
    )
  switch (action.do) {
    case 'hand.raise':
      return raiseHand(deps, id, user)
    case 'hand.lower':
    case 'hand.refuse': {
      const space = await load(deps, id)
      act(space, action, { user, now: now() })
      const whose = action.do === 'hand.lower' ? user.id : action.who
      if (space.state === 'live')
        await tellMixer(ports.log, id, { type: 'hand', id: whose, name: '', up: false })
      return space
    }
    case 'hand.accept': {
      const hand = (await newestRoomState(ports.log, id))?.hands.find(({ id }) => id === action.who)
      return changeInOrder((space) => {
        const changed = act(space, action, { user, now: now(), ...(hand && { name: hand.name }) })
        // Another host was first: he is on already, which is what was wanted.
        if (!hand && !Object.hasOwn(space.speakers, action.who))
          throw new AppError(409, 'no_hand', 'This hand is not up any more.')
        return changed
      })
    }
    default:
      return changeInOrder((space) => act(space, action, { user, now: now() }))
  }
}

/** Changes the document, if there is anything to change, and has the mixer follow. */
export async function changeRoom(deps: Deps, id: string, change: (space: Space) => Space): Promise<Space> {
  let before: Space | undefined
  const space = await updateSpace(deps.ports.store, id, (current) => change((before = current)))
  if (space !== before) {
    deps.spaces.forget()
    if (space.state === 'live') await tellMixer(deps.ports.log, id, { type: 'changed' })
  }
  return space
}

/** Constant work, whatever the length of the queue: the mixer keeps it. */
async function raiseHand(deps: Deps, id: string, user: User): Promise<Space> {
  const space = await load(deps, id)
  assertLive(space)
  if (Object.hasOwn(space.speakers, user.id)) return space // Accepted before this came in.
  assertMay(space, user.id, 'hand.raise')
  if (space.policy === 'invited')
    throw new AppError(
      409,
      'no_hands',
      'In this space hosts invite people onto the stage; hands are not asked for.',
    )
  await deps.limit('hands', user.id)
  const hands = (await deps.rooms(id))?.hands ?? []
  if (hands.length >= MAX_HANDS && !hands.some((hand) => hand.id === user.id))
    throw new AppError(409, 'hands_full', `${MAX_HANDS} hands are up already. Try again in a moment.`)
  await tellMixer(deps.ports.log, id, { type: 'hand', id: user.id, name: user.name, up: true })
  return space
}

async function load({ ports }: Deps, id: string): Promise<Space> {
  const space = await getSpace(ports.store, id)
  if (!space) throw unknownSpace(id)
  return space
}
