import { z } from 'zod'
import { AppError } from './errors.ts'
import { Role } from './events.ts'
import { SpaceId, UserId } from './ids.ts'
import { spaceKey, SPACE_PREFIX } from './keys.ts'
import type { Store } from './ports.ts'

/** The control plane's truth about a space: the document `space:{id}`. Times are epoch ms. */
export const Space = z.object({
  id: SpaceId,
  title: z.string(),
  state: z.enum(['scheduled', 'live', 'ended']),
  host: z.object({ id: UserId, name: z.string() }),
  /** Who may speak, the host included. */
  speakers: z.record(UserId, z.object({ name: z.string(), role: Role })),
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
 * first. Throws `unknown_space` (404), whatever `change` throws, and `busy` (503) after ten lost races.
 */
export async function updateSpace(store: Store, id: string, change: (space: Space) => Space): Promise<Space> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const document = await store.get(spaceKey(id))
    if (!document) throw unknownSpace(id)
    const changed = change(Space.parse(document.value))
    if ((await store.put(spaceKey(id), changed, document.version)) !== 'conflict') return changed
  }
  throw new AppError(503, 'busy', `Space ${id} is being changed by many at once. Try again.`)
}

export const unknownSpace = (id: string): AppError =>
  new AppError(404, 'unknown_space', `There is no space ${id}.`)

/** The same space, ended; unchanged if it had ended before. */
export const asEnded = (space: Space, reason: string, now: number): Space =>
  space.state === 'ended'
    ? space
    : { ...space, state: 'ended', endedAt: now, endReason: reason, replay: { state: 'preparing' } }
