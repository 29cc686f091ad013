import { Policy, StageMember, TimedEvent, type Role } from '@odeon/common/events.ts'
import { PlacedPost } from '@odeon/common/posts.ts'
import * as z from 'zod/mini'

/** What the server tells about spaces. Times are epoch ms. */

export const SpaceView = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['scheduled', 'live', 'ended']),
  host: z.object({ id: z.string(), name: z.string() }),
  /** Who may speak, besides those who were let onto the stage. */
  policy: z.optional(Policy),
  createdAt: z.number(),
  scheduledFor: z.optional(z.number()),
  startedAt: z.optional(z.number()),
  endedAt: z.optional(z.number()),
  replay: z.object({
    state: z.enum(['none', 'preparing', 'empty', 'ready']),
    durationMs: z.optional(z.number()),
  }),
  /** The last that were written, oldest first, and the one that is pinned; of a live space, and not in the list of all. */
  posts: z.optional(z.array(PlacedPost)),
  pin: z.optional(z.nullable(PlacedPost)),
  /** Null unless it is live. */
  stage: z.nullable(z.object({ members: z.array(StageMember), talking: z.array(z.string()) })),
})
export type SpaceView = z.infer<typeof SpaceView>

export const SpaceList = z.object({ spaces: z.array(SpaceView) })

/** Who the caller is in a space. */
export type RoleInSpace = Role | 'listener'
export const MyRole = z.object({
  role: z.enum(['host', 'cohost', 'speaker', 'listener']),
  hand: z.optional(z.boolean()),
})

/** For its hosts. `at`: epoch ms. */
export const Report = z.object({
  id: z.string(),
  what: z.enum(['post', 'user', 'space']),
  target: z.optional(z.string()),
  why: z.string(),
  by: z.object({ id: z.string(), name: z.string() }),
  at: z.number(),
  /** Of the post. */
  text: z.optional(z.string()),
  /** Of whom it is about. */
  name: z.optional(z.string()),
})
export type Report = z.infer<typeof Report>
export const Reports = z.object({ reports: z.array(Report) })

/** How many listen, and a few of them by name. */
export const Audience = z.object({
  listeners: z.number(),
  sample: z.optional(z.array(z.object({ id: z.string(), name: z.string() }))),
})
export type Audience = z.infer<typeof Audience>

/** The part of `archive.json` that a page needs. */
export const Archive = z.object({
  title: z.optional(z.string()),
  /** Epoch ms of the first sample. */
  startedAt: z.number(),
  durationMs: z.number(),
  /** Changes of the stage, and of who talks, in order of frame. */
  events: z.array(TimedEvent),
})
export type Archive = z.infer<typeof Archive>
