import type { Router } from '@koa/router'
import { z } from 'zod'
import { newInviteCode } from '@odeon/common/ids.ts'
import { inviteKey } from '@odeon/common/keys.ts'
import { assertHost, body, loadSpace, type Deps } from './context.ts'

/** The document `invite:{code}`. */
export const Invite = z.object({ space: z.string(), role: z.literal('speaker') })

const NewInvite = z.object({ role: z.literal('speaker') })

/** Links that let somebody onto the stage. */
export function inviteRoutes(router: Router, deps: Deps): void {
  router.post('/api/spaces/:id/invites', async (ctx) => {
    const user = await deps.tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    const { role } = body(ctx, NewInvite)
    assertHost(space, user.id, 'invite speakers')
    const code = newInviteCode()
    await deps.ports.store.put(inviteKey(code), { space: space.id, role }, 0)
    ctx.status = 201
    ctx.body = { code, role, url: `/s/${space.id}?invite=${code}` }
  })
}
