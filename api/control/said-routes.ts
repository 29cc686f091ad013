import type { Router } from '@koa/router'
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { newPostId } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import { POST_LENGTH, PostId, type PlacedPost, type Post } from '@odeon/common/posts.ts'
import { may } from '@odeon/common/roles.ts'
import { actorIn, roleIn } from '@odeon/common/space.ts'
import { tooFast } from './buckets.ts'
import { eraseFromReplay } from './erase-from-replay.ts'
import { assertLive, body, loadSpace, spaceId, type Deps } from './context.ts'
import { saidText } from './names.ts'
import { react } from './reaction-door.ts'
import { newestRoomState } from './room-states.ts'
import { assertMay } from './rules.ts'
import { tellMixer } from './tell-mixer.ts'

const NewPost = z.object({
  text: saidText(POST_LENGTH),
  /** Of the client's choice: what is sent once more with the same key is the same post. */
  key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'wanted: 1 to 64 letters, digits, - or _')
    .optional(),
})
const Pin = z.object({ post: PostId })

/** What was posted a moment ago may not have come back from the mixer yet. */
const PATIENCE_MS = 150

/** The same on every node, and nobody's but his. */
const postIdOf = (space: string, user: string, key: string | undefined): string =>
  key === undefined
    ? newPostId()
    : createHash('sha256').update(`${space} ${user} ${key}`).digest('hex').slice(0, 20)

/** Posts, the pin and reactions. The mixer gives each its frame. */
export function saidRoutes(router: Router, deps: Deps): void {
  const { tokens, ports, said } = deps

  /** Among the last ones. */
  const findPost = async (space: string, id: string): Promise<PlacedPost | undefined> => {
    for (let tries = 0; ; tries++) {
      const state = await newestRoomState(ports.log, space)
      const found = state?.pin?.id === id ? state.pin : state?.posts?.find((post) => post.id === id)
      if (found || tries > 0) return found
      await pause(PATIENCE_MS)
    }
  }

  router.post('/api/spaces/:id/posts', async (ctx) => {
    const user = await tokens.require(ctx)
    const { text, key } = body(ctx, NewPost)
    if (!(await said.posts.take(user.id))) throw tooFast()
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'post')
    assertLive(space)
    if (!(await said.busy.take(space.id)))
      throw new AppError(
        429,
        'busy',
        'More is being written here than anybody can read. Try again in a moment.',
      )
    const post: Post = {
      id: postIdOf(space.id, user.id, key),
      by: { id: user.id, name: user.name },
      role: roleIn(space, user.id),
      text,
    }
    await tellMixer(ports.log, space.id, { type: 'post', ...post })
    ctx.status = 201
    ctx.body = post
  })

  /** A host removes anybody's, everybody his own: whose it is, the mixer knows best. After the end, hosts do, and it is taken out of the replay. */
  router.delete('/api/spaces/:id/posts/:post', async (ctx) => {
    const user = await tokens.require(ctx)
    const id = parse(PostId, ctx.params['post'], 'post id')
    if (!said.tidying.take(user.id)) throw tooFast()
    const space = await loadSpace(ctx, deps)
    const any = may(actorIn(space, user.id), 'post.remove')
    if (!any && space.state !== 'ended') {
      const post = (await newestRoomState(ports.log, space.id))?.posts?.find((post) => post.id === id)
      assertMay(space, user.id, post && post.by.id !== user.id ? 'post.remove' : 'post')
    }
    if (space.state === 'ended') {
      assertMay(space, user.id, 'post.remove') // Nobody is there any more who knows whose it is.
      await eraseFromReplay(ports, space, id)
      ctx.status = 202
      return
    }
    assertLive(space)
    await tellMixer(ports.log, space.id, { type: 'unpost', id, by: user.id, any })
    ctx.status = 204
  })

  router.put('/api/spaces/:id/pin', async (ctx) => {
    const user = await tokens.require(ctx)
    const { post } = body(ctx, Pin)
    if (!said.tidying.take(user.id)) throw tooFast()
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'pin')
    assertLive(space)
    if (!(await findPost(space.id, post)))
      throw new AppError(404, 'unknown_post', 'This post was removed, or is not among the newest any more.')
    await tellMixer(ports.log, space.id, { type: 'pin', id: post })
    ctx.status = 204
  })

  router.delete('/api/spaces/:id/pin', async (ctx) => {
    const user = await tokens.require(ctx)
    if (!said.tidying.take(user.id)) throw tooFast()
    const space = await loadSpace(ctx, deps)
    assertMay(space, user.id, 'pin')
    assertLive(space)
    await tellMixer(ports.log, space.id, { type: 'pin', id: null })
    ctx.status = 204
  })

  router.post('/api/spaces/:id/reactions', async (ctx) => {
    const user = await tokens.require(ctx)
    await react(deps, user, spaceId(ctx), body(ctx, z.unknown()))
    ctx.status = 202
    ctx.body = ''
  })
}
