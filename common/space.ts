import { z } from 'zod'
import { AppError } from './errors.ts'
import { Muted, Policy, Role } from './events.ts'
import { SpaceId, UserId } from './ids.ts'
import { spaceKey, SPACE_PREFIX } from './keys.ts'
import type { Store } from './ports.ts'
import { PostId } from './posts.ts'
import { DEFAULT_COHOSTS } from './room.ts'
import type { Actor, RoleInSpace } from './roles.ts'

/** A link. `speaker` lets onto the stage at once, `listener` does not. */
export const Link = z.object({
  role: z.enum(['speaker', 'listener']),
  by: UserId,
  createdAt: z.number(),
  /** Of different people; as many as like, without it. */
  maxUses: z.number().optional(),
  expiresAt: z.number().optional(),
  uses: z.number(),
  revokedAt: z.number().optional(),
})
export type Link = z.infer<typeof Link>

const Speaker = z.object({
  name: z.string(),
  role: Role,
  /** Not muted, without it. */
  muted: z.optional(Muted),
  /** The link he came by. */
  link: z.string().optional(),
  /** Since when he may speak. */
  since: z.number().optional(),
})

/** The control plane's truth about a space: the document `space:{id}`. Times are epoch ms. */
export const Space = z.object({
  id: SpaceId,
  title: z.string(),
  state: z.enum(['scheduled', 'live', 'ended']),
  host: z.object({ id: UserId, name: z.string() }),
  /** Who may speak, the host included. */
  speakers: z.record(UserId, Speaker),
  policy: z._default(Policy, 'request'),
  /** Co-hosts at most. */
  cohosts: z.number().default(DEFAULT_COHOSTS),
  /** By code. */
  links: z.record(z.string(), Link).default({}),
  /** Asked onto the stage, and not answered yet. */
  invited: z.record(UserId, z.object({ name: z.string(), at: z.number() })).default({}),
  /** Who was sent away. `removed`: only a host lets him on stage again; `banned`: he does nothing here at all. */
  out: z
    .record(UserId, z.object({ name: z.string(), kind: z.enum(['removed', 'banned']), at: z.number() }))
    .default({}),
  /** The host of before vanished and somebody took his place: whom it is given back to, and what his stand-in was. */
  vanished: z
    .object({ id: UserId, name: z.string(), at: z.number(), standInWas: z.enum(['cohost', 'speaker']) })
    .optional(),
  /** The number of somebody's last message that was done here: an earlier one that comes late, by whichever node, changes nothing. */
  acted: z.record(UserId, z.number()).default({}),
  /** Posts that a host removed after the end and that are still to be taken out of the recording. */
  erase: z.array(PostId).default([]),
  createdAt: z.number(),
  scheduledFor: z.number().optional(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
  endReason: z.string().optional(),
  /** Set by the archive job. `empty`: nothing was stored. */
  replay: z.discriminatedUnion('state', [
    z.object({ state: z.literal('none') }),
    z.object({ state: z.literal('preparing') }),
    z.object({ state: z.literal('empty') }),
    z.object({ state: z.literal('ready'), durationMs: z.number() }),
  ]),
})
export type Space = z.infer<typeof Space>

/** Live audio asks more of one machine than of a rule; hosts included. */
export const MAX_ON_STAGE = 20

/** Who somebody is in a space. */
export const actorIn = (space: Space, userId: string): Actor =>
  isBanned(space, userId) ? 'banned' : roleIn(space, userId)

export const roleIn = (space: Space, userId: string): RoleInSpace =>
  (Object.hasOwn(space.speakers, userId) ? space.speakers[userId]?.role : undefined) ?? 'listener'

export const isBanned = (space: Space, userId: string): boolean =>
  Object.hasOwn(space.out, userId) && space.out[userId]?.kind === 'banned'

export async function getSpace(store: Store, id: string): Promise<Space | undefined> {
  const document = await store.get(spaceKey(id))
  return document && Space.parse(document.value)
}

export async function listSpaces(store: Store): Promise<Space[]> {
  return (await store.list(SPACE_PREFIX)).map((document) => Space.parse(document.value))
}

const MAX_TRIES = 10

/**
 * Changes a space: `change` gets the current document and answers the new one; it is called again when another writer was
 * first. Nothing is written when it answers the very same. Throws `unknown_space` (404), whatever `change` throws, and `busy` (503) after ten lost races.
 */
export async function updateSpace(store: Store, id: string, change: (space: Space) => Space): Promise<Space> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const document = await store.get(spaceKey(id))
    if (!document) throw unknownSpace(id)
    const space = Space.parse(document.value)
    const changed = change(space)
    if (changed === space) return space
    if ((await store.put(spaceKey(id), changed, document.version)) !== 'conflict') return changed
  }
  throw new AppError(503, 'busy', `Space ${id} is being changed by many at once. Try again.`)
}

export const unknownSpace = (id: string): AppError =>
  new AppError(404, 'unknown_space', `There is no space ${id}.`)

/** A space as it begins: its host alone may speak. */
export const newSpace = (of: Pick<Space, 'id' | 'title' | 'host' | 'createdAt' | 'scheduledFor'>): Space => ({
  ...of,
  state: 'scheduled',
  speakers: { [of.host.id]: { name: of.host.name, role: 'host', since: of.createdAt } },
  policy: 'request',
  cohosts: DEFAULT_COHOSTS,
  links: {},
  invited: {},
  out: {},
  acted: {},
  erase: [],
  replay: { state: 'none' },
})

/** The same space, ended; unchanged if it had ended before. */
export const asEnded = (space: Space, reason: string, now: number): Space =>
  space.state === 'ended'
    ? space
    : { ...space, state: 'ended', endedAt: now, endReason: reason, replay: { state: 'preparing' } }
