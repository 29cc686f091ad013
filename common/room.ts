import * as z from 'zod/mini'
import { Muted, Policy, StageMember } from './events.ts'
import { Face } from './face.ts'
import { UserId } from './ids.ts'
import { Counts, PlacedPost, PostId } from './posts.ts'

/** What goes on around the stage: what the mixer tells the api nodes of it, and what those on stage and their hosts are shown. */

/** Times of the room in one place, ms. */
export const ROOM_TIMES = {
  /** Who has a socket is told to the mixer so often. */
  aliveEveryMs: 5000,
  /** A raised hand of whom nothing is heard goes down after this. */
  handMs: 45_000,
  /** An invitation that is not answered is void after this. */
  invitationMs: 120_000,
  /** A host of whom nothing is heard has vanished after this, and somebody takes his place. */
  hostGraceMs: 15_000,
  /** Of a new space, before its host was there for the first time. */
  firstHostGraceMs: 90_000,
  /** He gets it back when he returns within this. */
  hostReturnMs: 300_000,
}
export type RoomTimes = typeof ROOM_TIMES

export const DEFAULT_COHOSTS = 2
/** Hands in the queue; who comes after them is told so. */
export const MAX_HANDS = 100
/** Connections made ready for those with a hand up or an invitation; the next one is made when its hand is accepted. */
export const MAX_WAITING = 12
/** Names of the audience that are shown. */
export const MAX_SAMPLE = 12
/** Of the rest of what a space keeps. */
export const MAX_LINKS = 50
export const MAX_INVITED = 50
export const MAX_OUT = 1000
export const MAX_ACTED = 200

export const Person = z.object({ id: UserId, name: z.string() })
export type Person = z.infer<typeof Person>

/** `at`: epoch ms. `ready`: his connection is made, so that he is heard the moment he is let on; his face came with it. */
export const Hand = z.object({
  id: UserId,
  name: z.string(),
  at: z.number(),
  ready: z.boolean(),
  face: z.optional(Face),
})
export type Hand = z.infer<typeof Hand>

/** An entry of `space:{id}:room`, id `<epoch>-<n>`: all there is to know, written by the mixer when it changes, ten times a second at most. */
export const RoomState = z.object({
  /** Goes up with each change of the document that the mixer has seen to; never compared across mixers. */
  changes: z.number(),
  /** Up to where the mixer has read the inbox. */
  inbox: z.object({ major: z.number(), minor: z.number() }),
  members: z.array(StageMember),
  talking: z.array(UserId),
  hands: z.array(Hand),
  sample: z.array(Person),
  /** The last `KEPT_POSTS`, oldest first. Not told by mixers from before there were any, as the next two. */
  posts: z.optional(z.array(PlacedPost)),
  pin: z.optional(z.nullable(PlacedPost)),
  /** The newest of them, and the frame they are in. */
  reactions: z.optional(z.object({ frame: z.number(), counts: Counts })),
  /** The space is over: nothing comes after this. */
  ended: z.optional(z.boolean()),
})
export type RoomState = z.infer<typeof RoomState>

/** What a socket of the stage is shown, whole at each change. */
export const RoomView = z.object({
  title: z.string(),
  policy: Policy,
  recorded: z.boolean(),
  host: Person,
  /** Set while somebody stands in for a host who vanished. */
  standsInFor: z.optional(Person),
  members: z.array(StageMember),
  talking: z.array(UserId),
  /** How many hands are up. */
  handsUp: z.number(),
  /** In the order in which they went up. For hosts and co-hosts. */
  hands: z.optional(z.array(Hand)),
  /** Not answered yet. For hosts and co-hosts. */
  invited: z.optional(z.array(Person)),
  /** A few of those who listen. */
  sample: z.array(Person),
  you: z.object({
    id: UserId,
    role: z.enum(['host', 'cohost', 'speaker', 'listener']),
    muted: Muted,
    /** His place in the queue, from 1; null with no hand up. */
    hand: z.nullable(z.number()),
    invited: z.boolean(),
    /** The number of his last message that was done, from whatever device: the next one is larger. */
    acted: z.optional(z.number()),
  }),
})
export type RoomView = z.infer<typeof RoomView>

const who = { who: UserId }
/** What may be done, by a message on the socket; by the same names as in the table of roles. Each also has a route. */
export const RoomAction = z.discriminatedUnion('do', [
  z.object({ do: z.literal('policy'), policy: Policy }),
  z.object({ do: z.literal('hand.raise') }),
  z.object({ do: z.literal('hand.lower') }),
  z.object({ do: z.literal('hand.accept'), ...who }),
  z.object({ do: z.literal('hand.refuse'), ...who }),
  z.object({ do: z.literal('stage.invite'), ...who, name: z.string().check(z.maxLength(40)) }),
  z.object({ do: z.literal('stage.answer'), yes: z.boolean() }),
  z.object({ do: z.literal('stage.leave') }),
  /** To the audience: he may raise his hand again, and come back by his link. */
  z.object({ do: z.literal('stage.move'), ...who }),
  /** Off the stage, and back only when a host lets him. */
  z.object({ do: z.literal('stage.remove'), ...who }),
  z.object({ do: z.literal('mute.self') }),
  z.object({ do: z.literal('unmute.self') }),
  z.object({ do: z.literal('mute.other'), ...who }),
  /** Takes back what a host did. A microphone that its owner closed stays closed. */
  z.object({ do: z.literal('unmute.other'), ...who }),
  z.object({ do: z.literal('mute.lock'), ...who }),
  z.object({ do: z.literal('mute.all'), lock: z.optional(z.boolean()) }),
  /** `link`: the link he came by is revoked too, and whoever else came by it is banned. */
  z.object({ do: z.literal('ban'), ...who, link: z.optional(z.boolean()) }),
  z.object({ do: z.literal('unban'), ...who }),
  z.object({ do: z.literal('cohost.make'), ...who }),
  z.object({ do: z.literal('cohost.unmake'), ...who }),
  z.object({ do: z.literal('handover'), ...who }),
])
export type RoomAction = z.infer<typeof RoomAction>

/**
 * From a socket. `n` numbers what a person does, upwards, over all his sockets (begin with Date.now(), or `you.acted` + 1 if that is more). The
 * same number again does nothing more; a smaller one that came late is refused (`stale`, 409).
 */
export const FromStage = z.discriminatedUnion('type', [
  /** The first message, within five seconds. */
  z.object({ type: z.literal('hello'), token: z.string().check(z.maxLength(2048)) }),
  z.object({ type: z.literal('act'), n: z.int().check(z.gte(0)), action: RoomAction }),
])
export type FromStage = z.infer<typeof FromStage>

/** Why a socket is closed by us: with `bye`, then code 4000. */
export const Bye = z.enum([
  'ended', // The space.
  'audience', // He is a listener without a hand up or an invitation.
  'banned',
  'replaced', // He has opened another.
  'full', // Too many sockets.
  'unauthorized',
  'restart', // Of this node. Dial again.
])
export type Bye = z.infer<typeof Bye>

export const ToStage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('room'), room: RoomView }),
  /** All at first, then what came and what was taken away. */
  z.object({
    type: z.literal('said'),
    posts: z.array(PlacedPost),
    removed: z.array(PostId),
    pin: z.nullable(PlacedPost),
  }),
  z.object({ type: z.literal('reactions'), counts: Counts }),
  z.object({ type: z.literal('done'), n: z.number() }),
  z.object({ type: z.literal('refused'), n: z.nullable(z.number()), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('bye'), reason: Bye }),
])
export type ToStage = z.infer<typeof ToStage>
