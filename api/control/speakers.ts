import type { Router } from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { UserId } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import type { RoomAction } from '@odeon/common/room.ts'
import { roleIn } from '@odeon/common/space.ts'
import { assertLive, body, loadSpace, spaceId, type Deps } from './context.ts'
import { InviteCode } from './invites.ts'
import { changeRoom, perform } from './perform.ts'
import { enter } from './rules.ts'

const Enter = z.object({ invite: InviteCode.optional() })
const Mute = z.object({ muted: z.boolean(), lock: z.boolean().optional() })
const MuteAll = z.object({ lock: z.boolean().optional() })
const NewRole = z.object({ role: z.enum(['host', 'cohost', 'speaker']) })
const LeaveQuery = z.object({ remove: z.literal('1').optional() })

const target = (ctx: Context & { params: Record<string, string> }): string =>
  parse(UserId, ctx.params['user'], 'user id')

/** Who may speak, as what, and who is muted. */
export function speakerRoutes(router: Router, deps: Deps): void {
  const { tokens, now } = deps

  /** By a link, or where everyone may, without one. */
  router.post('/api/spaces/:id/speakers', async (ctx) => {
    const user = await tokens.require(ctx)
    const id = spaceId(ctx)
    const { invite: code } = body(ctx, Enter)
    await deps.limit('links', user.id)
    const space = await changeRoom(deps, id, (space) => enter(space, code, { user, now: now() }))
    ctx.body = { role: roleIn(space, user.id) }
  })

  router.post('/api/spaces/:id/speakers/:user/mute', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    const { muted, lock } = body(ctx, Mute)
    assertLive(await loadSpace(ctx, deps))
    const action: RoomAction =
      who === user.id
        ? { do: muted ? 'mute.self' : 'unmute.self' }
        : { do: !muted ? 'unmute.other' : lock ? 'mute.lock' : 'mute.other', who }
    await perform(deps, spaceId(ctx), user, action)
    ctx.status = 204
  })

  router.post('/api/spaces/:id/mute-all', async (ctx) => {
    const user = await tokens.require(ctx)
    const { lock } = body(ctx, MuteAll)
    await perform(deps, spaceId(ctx), user, { do: 'mute.all', ...(lock !== undefined && { lock }) })
    ctx.status = 204
  })

  /** `host` hands the space over. */
  router.put('/api/spaces/:id/speakers/:user/role', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    const { role } = body(ctx, NewRole)
    const what = ({ host: 'handover', cohost: 'cohost.make', speaker: 'cohost.unmake' } as const)[role]
    await perform(deps, spaceId(ctx), user, { do: what, who })
    ctx.status = 204
  })

  /** Oneself, for good; others to the audience, with `?remove=1` so that only a host lets them back. */
  router.delete('/api/spaces/:id/speakers/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    const who = target(ctx)
    const { remove } = parse(LeaveQuery, ctx.query, 'query')
    await perform(
      deps,
      spaceId(ctx),
      user,
      who === user.id ? { do: 'stage.leave' } : { do: remove ? 'stage.remove' : 'stage.move', who },
    )
    ctx.status = 204
  })
}
