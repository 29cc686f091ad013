import type { Router } from '@koa/router'
import { z } from 'zod'
import { newUserId } from '@odeon/common/ids.ts'
import { body, type Deps } from './context.ts'
import { personText } from './names.ts'

const NewSession = z.object({ name: personText(40) })

/** Guest identities. Who sends a token along keeps its id under the new name. */
export function sessionRoutes(router: Router, deps: Deps): void {
  router.post('/api/session', async (ctx) => {
    const { name } = body(ctx, NewSession)
    const known = await deps.tokens.find(ctx)
    if (!known) await deps.limit('sessions', ctx.ip)
    const user = { id: known?.id ?? newUserId(), name }
    ctx.status = 201
    ctx.body = { token: await deps.tokens.sign(user), user }
  })
}
