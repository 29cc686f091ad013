import type { Router } from '@koa/router'
import { z } from 'zod'
import { newInviteCode } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import type { Link } from '@odeon/common/space.ts'
import { body, loadSpace, spaceId, type Deps } from './context.ts'
import { changeRoom } from './perform.ts'
import { presentLink } from './present.ts'
import { addLink, assertMay, revokeLink } from './rules.ts'

const DAY_S = 24 * 3600

const NewLink = z.object({
  role: z.enum(['speaker', 'listener']),
  maxUses: z.number().int().min(1).max(10_000).optional(),
  /** Seconds from now. */
  lifetime: z
    .number()
    .int()
    .min(60)
    .max(366 * DAY_S)
    .optional(),
})
export const InviteCode = z.string().regex(/^[a-z0-9]{24}$/, 'wanted: the code of a link')
const RevokeQuery = z.object({ ban: z.literal('1').optional() })

/** Links: a speaker link lets onto the stage, a listener link does not. */
export function inviteRoutes(router: Router, deps: Deps): void {
  const { tokens, now } = deps

  router.post('/api/spaces/:id/invites', async (ctx) => {
    const user = await tokens.require(ctx)
    const { id } = await loadSpace(ctx, deps)
    const { role, maxUses, lifetime } = body(ctx, NewLink)
    const code = newInviteCode()
    const link: Link = {
      role,
      by: user.id,
      createdAt: now(),
      uses: 0,
      ...(maxUses !== undefined && { maxUses }),
      ...(lifetime !== undefined && { expiresAt: now() + lifetime * 1000 }),
    }
    await changeRoom(deps, id, (space) => {
      assertMay(space, user.id, 'link.make')
      return addLink(space, code, link, now())
    })
    ctx.status = 201
    ctx.body = presentLink(id, code, link, now())
  })

  router.get('/api/spaces/:id/invites', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'link.list')
    ctx.set('cache-control', 'no-store')
    ctx.body = {
      invites: Object.entries(space.links).map(([code, link]) => presentLink(space.id, code, link, now())),
    }
  })

  /** With `?ban=1` whoever came by it is banned too. */
  router.delete('/api/spaces/:id/invites/:code', async (ctx) => {
    const user = await tokens.require(ctx)
    const code = parse(InviteCode, ctx.params['code'], 'code')
    const { ban } = parse(RevokeQuery, ctx.query, 'query')
    await changeRoom(deps, spaceId(ctx), (space) => {
      assertMay(space, user.id, 'link.revoke')
      return revokeLink(space, code, ban === '1', now())
    })
    ctx.status = 204
  })
}
