import type { Router } from '@koa/router'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { UserId } from '@odeon/common/ids.ts'
import { inviteKey } from '@odeon/common/keys.ts'
import { parse } from '@odeon/common/parse.ts'
import { updateSpace, type Space } from '@odeon/common/space.ts'
import { assertHost, assertLive, body, loadSpace, roleIn, spaceId, type Deps } from './context.ts'
import { Invite } from './invites.ts'
import { tellMixer } from './spaces.ts'

const TakeInvite = z.object({
  invite: z.string().regex(/^[a-z0-9]{24}$/, 'wanted: the code of a speaker link'),
})
const Mute = z.object({ muted: z.boolean() })
/** Who may speak in one space over its life, also those who have left: a bound for the document. */
const MAX_SPEAKERS = 500

const maySpeak = (space: Space, userId: string): boolean => Object.hasOwn(space.speakers, userId)

/** Who may speak, and who is muted. */
export function speakerRoutes(router: Router, deps: Deps): void {
  const { ports, tokens } = deps

  router.post('/api/spaces/:id/speakers', async (ctx) => {
    const user = await tokens.require(ctx)
    const id = spaceId(ctx)
    const { invite: code } = body(ctx, TakeInvite)
    const document = await ports.store.get(inviteKey(code))
    const invite = Invite.safeParse(document?.value)
    if (!invite.success || invite.data.space !== id)
      throw new AppError(
        403,
        'bad_invite',
        'This speaker link is not valid for this space. Ask the host for a new one.',
      )
    const space = await updateSpace(ports.store, id, (space) => {
      if (space.state === 'ended') throw new AppError(409, 'already_ended', 'This space has ended.')
      const role = space.speakers[user.id]?.role ?? invite.data.role
      const speakers = { ...space.speakers, [user.id]: { name: user.name, role } }
      if (Object.keys(speakers).length > MAX_SPEAKERS)
        throw new AppError(
          409,
          'too_many_speakers',
          `More than ${MAX_SPEAKERS} people were let onto this stage.`,
        )
      return { ...space, speakers }
    })
    ctx.body = { role: roleIn(space, user.id) }
  })

  router.post('/api/spaces/:id/speakers/:user/mute', async (ctx) => {
    const user = await tokens.require(ctx)
    const target = parse(UserId, ctx.params['user'], 'user id')
    const { muted } = body(ctx, Mute)
    const space = await loadSpace(ctx, deps)
    if (target !== user.id) assertHost(space, user.id, 'mute others')
    else if (roleIn(space, user.id) === 'listener')
      throw new AppError(403, 'forbidden', 'Only who may speak can mute or unmute himself.')
    assertLive(space)
    if (!maySpeak(space, target))
      // The mixer remembers whom it muted: only people whose number is bounded.
      throw new AppError(404, 'unknown_speaker', `Nobody of the id ${target} may speak in this space.`)
    const state = !muted ? 'no' : target === user.id ? 'self' : 'host'
    await tellMixer(ports.log, space.id, { type: 'mute', id: target, muted: state })
    ctx.status = 204
  })

  router.delete('/api/spaces/:id/speakers/:user', async (ctx) => {
    const user = await tokens.require(ctx)
    const target = parse(UserId, ctx.params['user'], 'user id')
    ctx.status = 204
    // Anybody may leave for good; from a listener that changes nothing, and writes nothing.
    if (target === user.id && !maySpeak(await loadSpace(ctx, deps), target)) return
    const space = await updateSpace(ports.store, spaceId(ctx), (space) => {
      if (target !== user.id) assertHost(space, user.id, 'remove others from the stage')
      if (target === space.host.id)
        throw new AppError(409, 'host_stays', 'The host can’t be removed; he can end the space.')
      const { [target]: _removed, ...speakers } = space.speakers
      return { ...space, speakers }
    })
    if (space.state === 'live') await tellMixer(ports.log, space.id, { type: 'leave', id: target })
  })
}
