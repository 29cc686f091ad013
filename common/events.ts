import * as z from 'zod/mini'
import { Face } from './face.ts'
import { UserId } from './ids.ts'
import { Counts, PlacedPost, Post, PostId } from './posts.ts'

/**
 * What happens in a space besides sound. The mixer alone writes events into the log, each in the frame it belongs to; the
 * transcoder carries them inside the audio; the player applies them when that frame is heard.
 */

export const Role = z.enum(['host', 'cohost', 'speaker'])
export type Role = z.infer<typeof Role>

/** Who may come on stage: whoever wants to, whoever is let on after raising a hand, or only who was invited. */
export const Policy = z.enum(['everyone', 'request', 'invited'])
export type Policy = z.infer<typeof Policy>

/** Muted by himself; by a host, and free to unmute himself; by a host, and only a host opens it again. */
export const Muted = z.enum(['no', 'self', 'host', 'locked'])
export type Muted = z.infer<typeof Muted>

export const StageMember = z.object({
  id: UserId,
  name: z.string(),
  role: Role,
  muted: Muted,
  /** False while a speaker's connection is lost and awaited. */
  connected: z.boolean(),
  /** His picture (`facePath`); initials, without it. */
  face: z.optional(Face),
})
export type StageMember = z.infer<typeof StageMember>

/** Everything a late reader needs to know: written at the first frame of every segment, after every hole, twice a segment at
 * least, and at once when it changes. */
export const StageEvent = z.object({
  type: z.literal('stage'),
  title: z.string(),
  members: z.array(StageMember),
  talking: z.array(UserId),
  /** Not in recordings from before there was a choice. */
  policy: z.optional(Policy),
})

export type StageEvent = z.infer<typeof StageEvent>

export const TalkingEvent = z.object({ type: z.literal('talking'), ids: z.array(UserId) })

/** Loudness of those who talk, 0 (silent) to 255 (full scale), about ten times a second while anybody talks. */
export const LevelsEvent = z.object({
  type: z.literal('levels'),
  levels: z.record(UserId, z.int().check(z.gte(0), z.lte(255))),
})

/**
 * These listeners are asked onto the stage: by this they learn of it, since a listener has no socket. In the frame after the host's click,
 * and with each snapshot while the invitation is open.
 */
export const InvitedEvent = z.object({ type: z.literal('invited'), ids: z.array(UserId) })

/** Somebody wrote something. The same id again is the same post: after a failover it may be in two frames. */
export const PostEvent = z.extend(Post, { type: z.literal('post') })

/** It is not to be seen any more, whether its frame was heard already or not. */
export const UnpostEvent = z.object({ type: z.literal('unpost'), id: PostId })

/** What is pinned now. At each change; again at the first frame of every segment while something is, and after every hole. */
export const PinEvent = z.object({ type: z.literal('pin'), post: z.nullable(PlacedPost) })

/** Emoji since the last of these, summed up: one in `REACTIONS_EVERY_FRAMES` at most, however many people send them. */
export const ReactionsEvent = z.object({ type: z.literal('reactions'), counts: Counts })

export const SpaceEvent = z.discriminatedUnion('type', [
  StageEvent,
  TalkingEvent,
  LevelsEvent,
  InvitedEvent,
  PostEvent,
  UnpostEvent,
  PinEvent,
  ReactionsEvent,
])
export type SpaceEvent = z.infer<typeof SpaceEvent>

/** An event and the frame (20 ms, counted from the start of the space) in which it happened. */
export type TimedEvent = SpaceEvent & { frame: number }
export const TimedEvent: z.ZodMiniType<TimedEvent> = z.intersection(
  SpaceEvent,
  z.object({ frame: z.int().check(z.gte(0)) }),
)

/**
 * The value of the TXXX frame (description `odeon`) in a chunk's `emsg`: the chunk's events in order of frame.
 * `startedAt` gives each its wall clock: startedAt + 20 × frame.
 */
export const ChunkEvents = z.object({
  v: z.literal(1),
  startedAt: z.number(),
  events: z.array(TimedEvent),
})
export type ChunkEvents = z.infer<typeof ChunkEvents>

/** What the api asks of the mixer, through `space:{id}:inbox`. */
export const InboxEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('end'), reason: z.string() }),
  /** The document of the space changed: who may speak, who is muted, … The mixer reads it and sees to it that the stage is so. */
  z.object({ type: z.literal('changed') }),
  z.object({ type: z.literal('hand'), id: UserId, name: z.string(), up: z.boolean() }),
  /** These have a socket to the stage now. Told every few seconds: who is not told of for a while is gone. */
  z.object({ type: z.literal('alive'), ids: z.array(UserId) }),
  /** A listener, one of many: for the sampled few names of the audience. */
  z.object({ type: z.literal('here'), id: UserId, name: z.string() }),
  /** Somebody who may be on stage has another picture, or none any more. */
  z.object({ type: z.literal('face'), id: UserId, face: z.nullable(Face) }),
  PostEvent,
  /** Of one's own, or, by a host, of anybody. */
  z.object({ type: z.literal('unpost'), id: PostId, by: UserId, any: z.boolean() }),
  z.object({ type: z.literal('pin'), id: z.nullable(PostId) }),
  /** Of one api node, summed up. */
  ReactionsEvent,
])
export type InboxEvent = z.infer<typeof InboxEvent>
