import type { Router } from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { Sound } from '@odeon/common/internal.ts'
import { parse } from '@odeon/common/parse.ts'
import { iceLinks } from './ice.ts'
import { isSession, isSessionOf } from './ingest-client.ts'
import { isBanned, roleIn } from '@odeon/common/space.ts'
import { assertLive, loadSpace, spaceId, type Deps } from './context.ts'
import { faceOf } from './faces.ts'
import { assertMay } from './rules.ts'

/** WHIP, RFC 9725: the door to the stage for browsers, OBS, GStreamer and ffmpeg. */

const SDP = 'application/sdp'
/** `?sound=music`: WHIP leaves the URL to the server, and every client can be given one. */
const JoinQuery = z.object({
  sound: Sound.optional(),
  /** A listener makes his connection ready: it is heard when a host lets him on. */
  ready: z.literal('1').optional(),
})
const FRAGMENT = 'application/trickle-ice-sdpfrag'

function text(ctx: Context, type: string): string {
  if (ctx.request.type !== type)
    throw new AppError(
      415,
      'unsupported_media_type',
      `The body must be ${type}; it was ${ctx.get('content-type') || 'nothing'}.`,
    )
  const { body } = ctx.request
  if (typeof body !== 'string' || body === '') throw new AppError(400, 'bad_sdp', 'The body is empty.')
  return body
}

export function whipRoutes(router: Router, deps: Deps): void {
  const { tokens, ingest } = deps

  /** Throws `unauthorized` (401), `unknown_session` (404) or `forbidden` (403). */
  const ownSession = async (ctx: Context & { params: Record<string, string> }): Promise<string> => {
    const user = await tokens.require(ctx)
    const session = ctx.params['session'] ?? ''
    if (!isSession(session)) throw new AppError(404, 'unknown_session', 'There is no such WHIP session.')
    if (!isSessionOf(session, user.id))
      throw new AppError(403, 'forbidden', 'This WHIP session belongs to somebody else.')
    return session
  }

  /** Asked before the offer is made: where the browser may be relayed. Without a token there is nothing to tell. */
  router.options('/api/spaces/:id/whip', async (ctx) => {
    ctx.set('accept-post', SDP) // RFC 9725 §4.2.
    if (deps.ice && ctx.get('authorization'))
      ctx.set('link', iceLinks(deps.ice, (await tokens.require(ctx)).id, deps.now()))
    ctx.set('cache-control', 'no-store')
    ctx.status = 204
  })

  router.post('/api/spaces/:id/whip', async (ctx) => {
    const user = await tokens.require(ctx)
    const space = await loadSpace(ctx, deps)
    const sdp = text(ctx, SDP)
    const { sound, ready } = parse(JoinQuery, ctx.query, 'query')
    const role = roleIn(space, user.id)
    if (role === 'listener' && ready) assertMay(space, user.id, 'stage.wait')
    else if (role === 'listener')
      throw new AppError(
        403,
        isBanned(space, user.id) ? 'banned' : 'forbidden',
        'You are a listener here. A speaker link or a raised hand lets you on stage.',
      )
    else assertMay(space, user.id, 'stage.speak')
    assertLive(space)
    const face = await faceOf(deps, user.id)
    const speaker = { id: user.id, name: user.name, role, ...(face !== undefined && { face }) }
    const answer = await ingest.join(space.id, { sdp, speaker, ...(sound && { sound }) })
    ctx.status = 201
    ctx.set('location', `/api/spaces/${space.id}/whip/${answer.session}`)
    if (deps.ice) ctx.set('link', iceLinks(deps.ice, user.id, deps.now()))
    ctx.type = SDP
    ctx.body = answer.sdp
  })

  router.patch('/api/spaces/:id/whip/:session', async (ctx) => {
    const session = await ownSession(ctx)
    const answer = await ingest.trickle(spaceId(ctx), session, text(ctx, FRAGMENT))
    if (answer === undefined) {
      ctx.status = 204
      return
    }
    ctx.type = FRAGMENT // RFC 9725 §4.3.3: an ICE restart is answered with the server's new credentials.
    ctx.body = answer
  })

  router.delete('/api/spaces/:id/whip/:session', async (ctx) => {
    const session = await ownSession(ctx)
    await ingest.leave(spaceId(ctx), session)
    ctx.status = 200 // RFC 9725 §4.2; OBS wants exactly this.
    ctx.body = ''
  })
}
