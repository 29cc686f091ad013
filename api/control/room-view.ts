import { may } from '@odeon/common/roles.ts'
import { ROOM_TIMES, type RoomState, type RoomView } from '@odeon/common/room.ts'
import { actorIn, roleIn, type Space } from '@odeon/common/space.ts'

/** What the sockets of a stage are shown: every field that leaves the house. */
export interface RoomViews {
  /** The `room` message for somebody, as JSON. */
  messageFor(user: string): string
  /** On stage, with a hand up, or invited. */
  isEntitled(user: string): boolean
}

/** The common part is made once for all: only `you` differs, and hands and invitations, which hosts alone see. */
export function viewsOf(space: Space, state: RoomState | undefined, now: number): RoomViews {
  const hands = state?.hands ?? []
  const open = Object.entries(space.invited).filter(([, { at }]) => now - at < ROOM_TIMES.invitationMs)
  const places = new Map(hands.map(({ id }, index) => [id, index + 1]))
  const invited = new Set(open.map(([id]) => id))
  const common: Omit<RoomView, 'you' | 'hands' | 'invited'> = {
    title: space.title,
    policy: space.policy,
    recorded: true,
    host: space.host,
    ...(space.vanished && { standsInFor: { id: space.vanished.id, name: space.vanished.name } }),
    members: state?.members ?? [],
    talking: state?.talking ?? [],
    handsUp: hands.length,
    sample: state?.sample ?? [],
  }
  const forAll = JSON.stringify(common)
  let forHosts: string | undefined
  return {
    isEntitled: (user) => roleIn(space, user) !== 'listener' || places.has(user) || invited.has(user),
    messageFor(user) {
      const you: RoomView['you'] = {
        id: user,
        role: roleIn(space, user),
        muted: space.speakers[user]?.muted ?? 'no',
        hand: places.get(user) ?? null,
        invited: invited.has(user),
        ...(Object.hasOwn(space.acted, user) && { acted: space.acted[user] }),
      }
      let shown = forAll
      if (may(actorIn(space, user), 'hand.list'))
        shown = forHosts ??= JSON.stringify({
          ...common,
          hands,
          invited: open.map(([id, { name }]) => ({ id, name })),
        })
      return `{"type":"room","room":${shown.slice(0, -1)},"you":${JSON.stringify(you)}}}`
    },
  }
}
