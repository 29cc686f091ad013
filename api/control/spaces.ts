import type { Router } from '@koa/router'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { newSpaceId } from '@odeon/common/ids.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { liveQueue, spaceKey } from '@odeon/common/keys.ts'
import { parse } from '@odeon/common/parse.ts'
import { actorIn, asEnded, newSpace, roleIn, updateSpace, type Space } from '@odeon/common/space.ts'
import { assertLive, body, loadSpace, spaceId, type Deps } from './context.ts'
import { personText } from './names.ts'
import { presentSaid, presentSpace } from './present.ts'
import { assertMay } from './rules.ts'
import { tellMixer } from './tell-mixer.ts'

/** Live spaces of one host. */
const MAX_LIVE_OF_ONE = 5
const YEAR_MS = 366 * 24 * 3600_000

const NewSpace = z.object({
  title: personText(120),
  /** Epoch ms. */
  scheduledFor: z.number().int().positive().optional(),
})
const ListQuery = z.object({ state: z.enum(['scheduled', 'live', 'ended']).optional() })

/** Spaces: open, list, start, end. */
export function spaceRoutes(router: Router, deps: Deps): void {
  const { ports, tokens, ingest, stages, now } = deps

  const present = async (space: Space) => {
    if (space.state !== 'live') return presentSpace(space, null)
    const [stage, room] = await Promise.all([stages(space.id), deps.rooms(space.id)])
    return presentSpace(space, stage, room)
  }

  /** Counted anew when this one is live already: however many start at once, by whichever node, too many never stay. */
  const assertFewLive = async ({ host }: Space): Promise<void> => {
    deps.spaces.forget()
    if ((await deps.spaces.liveOf(host.id)) <= MAX_LIVE_OF_ONE) return
    throw new AppError(
      409,
      'too_many_live',
      `You host ${MAX_LIVE_OF_ONE} live spaces already. End one first.`,
    )
  }

  router.post('/api/spaces', async (ctx) => {
    const user = await tokens.require(ctx)
    const { title, scheduledFor } = body(ctx, NewSpace)
    if (scheduledFor !== undefined && Math.abs(scheduledFor - now()) > YEAR_MS)
      throw new AppError(
        400,
        'bad_input',
        'body: scheduledFor: wanted: a time within a year, in ms since 1970.',
      )
    await deps.limit('spaces', ctx.ip)
    const space = newSpace({
      id: newSpaceId(),
      title,
      host: user,
      createdAt: now(),
      ...(scheduledFor !== undefined && { scheduledFor }),
    })
    await ports.store.put(spaceKey(space.id), space, 0)
    deps.spaces.forget()
    ctx.status = 201
    ctx.body = await present(space)
  })

  router.get('/api/spaces', async (ctx) => {
    const { state } = parse(ListQuery, ctx.query, 'query')
    const spaces = await deps.spaces.read(state)
    ctx.set('cache-control', 'public, max-age=1')
    ctx.body = { spaces: await Promise.all(spaces.map(present)) }
  })

  router.get('/api/spaces/:id', async (ctx) => {
    const space = await loadSpace(ctx, deps)
    ctx.set('cache-control', 'public, max-age=1')
    const shown = await present(space)
    ctx.body = space.state === 'live' ? { ...shown, ...presentSaid(await deps.rooms(space.id)) } : shown
  })

  router.get('/api/spaces/:id/me', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    ctx.set('cache-control', 'no-store')
    const hands = space.state === 'live' ? (await deps.rooms(space.id))?.hands : undefined
    ctx.body = {
      role: roleIn(space, user.id),
      hand: hands?.some(({ id }) => id === user.id) ?? false,
      ...(actorIn(space, user.id) === 'banned' && { banned: true }),
      invited: Object.hasOwn(space.invited, user.id),
    }
  })

  router.post('/api/spaces/:id/start', async (ctx) => {
    const user = await tokens.require(ctx)
    const startedAt = now()
    const space = await updateSpace(ports.store, spaceId(ctx), (space) => {
      assertMay(space, user.id, 'start')
      if (space.state === 'live') throw new AppError(409, 'already_started', 'This space is live already.')
      if (space.state === 'ended') throw new AppError(409, 'already_ended', 'This space has ended.')
      return { ...space, state: 'live', startedAt }
    })
    try {
      await assertFewLive(space)
      await ingest.open(space.id, { startedAt, title: space.title })
    } catch (error) {
      await updateSpace(ports.store, space.id, (current) => {
        const { startedAt: since, ...rest } = current
        if (current.state !== 'live' || since !== startedAt) return current // Ended meanwhile: it stays so.
        return { ...rest, state: 'scheduled' }
      })
      throw error
    } finally {
      deps.spaces.forget()
    }
    const job: SpaceJob = { id: space.id, startedAt }
    for (const replica of deps.replicas) await ports.jobs.add(liveQueue(replica), space.id, job)
    ctx.body = await present(space)
  })

  router.post('/api/spaces/:id/end', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await updateSpace(ports.store, spaceId(ctx), (space) => {
      assertMay(space, user.id, 'end')
      assertLive(space)
      return asEnded(space, 'host', now())
    })
    deps.spaces.forget()
    await tellMixer(ports.log, space.id, { type: 'end', reason: 'host' })
    ctx.body = await present(space)
  })
}
