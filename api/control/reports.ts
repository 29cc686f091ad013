import type { Router } from '@koa/router'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { randomId, UserId } from '@odeon/common/ids.ts'
import { reportsKey } from '@odeon/common/keys.ts'
import type { Store } from '@odeon/common/ports.ts'
import { PostId, REPORT_LENGTH } from '@odeon/common/posts.ts'
import { body, loadSpace, type Deps } from './context.ts'
import { saidText } from './names.ts'
import { newestRoomState } from './room-states.ts'
import { assertMay } from './rules.ts'

const why = saidText(REPORT_LENGTH)
const NewReport = z.discriminatedUnion('what', [
  z.object({ what: z.literal('post'), id: PostId, why }),
  z.object({ what: z.literal('user'), id: UserId, why }),
  z.object({ what: z.literal('space'), why }),
])

const Report = z.object({
  id: z.string(),
  what: z.enum(['post', 'user', 'space']),
  /** Id of the post or of the person. */
  target: z.string().optional(),
  why: z.string(),
  by: z.object({ id: UserId, name: z.string() }),
  /** Epoch ms. */
  at: z.number(),
  /** Of the post, or of the person: whose name it is, and what he wrote, when it was reported. */
  name: z.string().optional(),
  text: z.string().optional(),
})
type Report = z.infer<typeof Report>
const Reports = z.object({ reports: z.array(Report) })

/** Of one space; the oldest go. All of them are in the log of the operator too. */
const MAX_REPORTS = 200
const MAX_TRIES = 10

/** Reports: to the hosts of the space, and to whoever runs this Odeon. */
export function reportRoutes(router: Router, deps: Deps): void {
  const { tokens, ports, logger, now, said } = deps

  router.post('/api/spaces/:id/reports', async (ctx) => {
    const user = await tokens.require(ctx)
    const { what, why, ...rest } = body(ctx, NewReport)
    const target = 'id' in rest ? rest.id : undefined
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'report')
    await deps.limit('reports', user.id)
    const state = space.state === 'live' ? await newestRoomState(ports.log, space.id) : undefined
    const post = what === 'post' ? state?.posts?.find(({ id }) => id === target) : undefined
    const speaker = target !== undefined && Object.hasOwn(space.speakers, target) && space.speakers[target]
    const name = post?.by.name ?? (speaker ? speaker.name : undefined)
    const report: Report = {
      id: randomId(12),
      what,
      ...(target !== undefined && { target }),
      why,
      by: user,
      at: now(),
      ...(name !== undefined && { name }),
      ...(post && { text: post.text }),
    }
    const kept = await keepReport(ports.store, space.id, report)
    if (kept === report.id) {
      said.reported(what)
      logger.warn({ space: space.id, report }, `a ${what} was reported`)
    }
    ctx.status = 201
    ctx.body = { id: kept }
  })

  router.get('/api/spaces/:id/reports', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'report.list')
    ctx.set('cache-control', 'no-store')
    ctx.body = { reports: (await readReports(ports.store, space.id)).reports.toReversed() }
  })
}

async function readReports(
  store: Store,
  space: string,
): Promise<{ reports: readonly Report[]; version: number }> {
  const document = await store.get(reportsKey(space))
  return { ...Reports.parse(document?.value ?? { reports: [] }), version: document?.version ?? 0 }
}

/** Answers the id under which it is kept: that of the first time, when the same person has reported the same before. */
async function keepReport(store: Store, space: string, report: Report): Promise<string> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { reports, version } = await readReports(store, space)
    const same = ({ what, target, by }: Report): boolean =>
      what === report.what && target === report.target && by.id === report.by.id
    const before = reports.find(same)
    if (before) return before.id
    const value = { reports: [...reports, report].slice(-MAX_REPORTS) }
    if ((await store.put(reportsKey(space), value, version)) !== 'conflict') return report.id
  }
  throw new AppError(503, 'busy', 'Many are reporting at once. Try again.')
}
