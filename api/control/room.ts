import type { Router } from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { Policy } from '@odeon/common/events.ts'
import { UserId } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import { actorIn, roleIn, unknownSpace } from '@odeon/common/space.ts'
import { body, loadSpace, spaceId, type Deps } from './context.ts'
import { personText } from './names.ts'
import { changeRoom, perform } from './perform.ts'
import { newestRoomState } from './room-states.ts'
import { assertMay } from './rules.ts'
import { tellMixer } from './tell-mixer.ts'

const Settings = z.object({
  policy: z.optional(Policy),
  title: personText(120).optional(),
  /** Co-hosts at most. */
  cohosts: z.number().int().min(0).max(10).optional(),
})
const Invitation = z.object({ name: personText(40) })
const Answer = z.object({ yes: z.boolean() })
const Ban = z.object({ link: z.boolean().optional() })

const target = (ctx: Context & { params: Record<string, string> }): string =>
  parse(UserId, ctx.params['user'], 'user id')

/** Settings, hands, invitations and bans: what also goes through the socket of the stage. */
export function roomRoutes(router: Router, deps: Deps): void {
  const { tokens, ports } = deps

  router.patch('/api/spaces/:id', async (ctx) => {
    const user = await tokens.require(ctx)
    const { policy, title, cohosts } = body(ctx, Settings)
    const space = await changeRoom(deps, spaceId(ctx), (space) => {
      if (policy !== undefined) assertMay(space, user.id, 'policy')
      if (title !== undefined || cohosts !== undefined || policy === undefined)
        assertMay(space, user.id, 'settings')
      return {
        ...space,
        ...(policy !== undefined && { policy }),
        ...(title !== undefined && { title }),
        ...(cohosts !== undefined && { cohosts }),
      }
    })
    ctx.body = { policy: space.policy, title: space.title, cohosts: space.cohosts }
  })

  router.post('/api/spaces/:id/hands', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await perform(deps, spaceId(ctx), user, { do: 'hand.raise' })
    ctx.status = 202 // The mixer puts it into the queue.
    ctx.body = { role: roleIn(space, user.id) }
  })

  router.get('/api/spaces/:id/hands', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'hand.list')
    ctx.set('cache-control', 'no-store')
    ctx.body = { hands: (await newestRoomState(ports.log, space.id))?.hands ?? [] }
  })

  router.post('/api/spaces/:id/hands/:user/accept', async (ctx) => {
    const user = await tokens.require(ctx)
    await perform(deps, spaceId(ctx), user, { do: 'hand.accept', who: target(ctx) })
    ctx.status = 204
  })

  /** One's own goes down, another's is refused. */
  router.delete('/api/spaces/:id/hands/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    await perform(
      deps,
      spaceId(ctx),
      user,
      who === user.id ? { do: 'hand.lower' } : { do: 'hand.refuse', who },
    )
    ctx.status = 204
  })

  /** Asks a listener onto the stage. */
  router.put('/api/spaces/:id/invitations/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    const { name } = body(ctx, Invitation)
    await perform(deps, spaceId(ctx), user, { do: 'stage.invite', who, name })
    ctx.status = 204
  })

  /** He says yes or no. */
  router.post('/api/spaces/:id/invitation', async (ctx) => {
    const user = await tokens.require(ctx)
    const { yes } = body(ctx, Answer)
    const space = await perform(deps, spaceId(ctx), user, { do: 'stage.answer', yes })
    ctx.body = { role: roleIn(space, user.id) }
  })

  router.put('/api/spaces/:id/bans/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    const { link } = body(ctx, Ban)
    await perform(deps, spaceId(ctx), user, { do: 'ban', who, ...(link !== undefined && { link }) })
    ctx.status = 204
  })

  router.delete('/api/spaces/:id/bans/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    await perform(deps, spaceId(ctx), user, { do: 'unban', who: target(ctx) })
    ctx.status = 204
  })

  router.get('/api/spaces/:id/bans', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'ban.list')
    ctx.set('cache-control', 'no-store')
    ctx.body = {
      bans: Object.entries(space.out).map(([id, { name, kind, at }]) => ({ id, name, kind, at })),
    }
  })

  /** A listener is here. Few of these reach the mixer, and nothing is kept of the others. */
  router.post('/api/spaces/:id/here', async (ctx) => {
    const user = await tokens.require(ctx)
    const id = spaceId(ctx)
    const space = await deps.said.spaces(id) // Thousands come at once: the document is read for all of them.
    if (!space) throw unknownSpace(id)
    ctx.status = 204
    if (space.state !== 'live' || actorIn(space, user.id) !== 'listener') return
    if (!deps.sampler(space.id)) return
    await tellMixer(ports.log, space.id, { type: 'here', id: user.id, name: user.name })
  })
}
