import type { Router } from '@koa/router'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import {
  FaceDocument,
  faceDocumentKey,
  faceKey,
  MAX_PICTURE_BYTES,
  newFace,
  type Face,
} from '@odeon/common/face.ts'
import { UserId } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import type { Store } from '@odeon/common/ports.ts'
import type { Space } from '@odeon/common/space.ts'
import { loadSpace, type Deps } from './context.ts'
import { makeFace } from './picture.ts'
import { newestRoomState } from './room-states.ts'
import { assertMay } from './rules.ts'
import { tellMixer } from './tell-mixer.ts'
import { createUploads } from './upload.ts'

/** 16 MB at most in memory. */
const UPLOADS = { maxBytes: MAX_PICTURE_BYTES, most: 8, maxMs: 20_000 }
const MAX_TRIES = 10
/** Who dials again within this is not written down anew. */
const SEEN_MS = 7 * 24 * 3600_000

/** One's own picture, and its end by a host's hand. Handed out by the origin. */
export function faceRoutes(router: Router, deps: Deps): void {
  const { tokens, ports } = deps
  const uploads = createUploads(UPLOADS)

  /** The body is a JPEG, PNG or WebP. */
  router.put('/api/me/face', async (ctx) => {
    const user = await tokens.require(ctx)
    await deps.limit('faces', user.id)
    await deps.limit('pictures', ctx.ip)
    const picture = await uploads.receive(ctx, makeFace)
    const face = newFace()
    await ports.objects.put(faceKey(user.id, face), picture, 'image/webp')
    await change(deps, user.id, face)
    ctx.body = { face }
  })

  router.delete('/api/me/face', async (ctx) => {
    const user = await tokens.require(ctx)
    await change(deps, user.id, null)
    ctx.status = 204
  })

  /** A host takes away the picture of somebody who is, or was, around his stage: from this space, its replay, and wherever else it is seen. */
  router.delete('/api/spaces/:id/speakers/:user/face', async (ctx) => {
    const host = await tokens.require(ctx)
    const who = parse(UserId, ctx.params['user'], 'user id')
    const space = await loadSpace(ctx, deps)
    assertMay(space, host.id, 'face.remove', who)
    if (!(await isKnownIn(deps, space, who)))
      throw new AppError(404, 'unknown_person', `Nobody of the id ${who} was seen around this stage.`)
    const face = await change(deps, who, null)
    if (face !== null)
      deps.logger.warn({ space: space.id, user: who, by: host.id }, 'a host took a picture away')
    ctx.status = 204
  })
}

/** A host has no say about people who were never here. */
async function isKnownIn({ ports }: Deps, space: Space, user: string): Promise<boolean> {
  if (Object.hasOwn(space.speakers, user) || Object.hasOwn(space.out, user)) return true
  const state = space.state === 'live' ? await newestRoomState(ports.log, space.id) : undefined
  return [...(state?.members ?? []), ...(state?.hands ?? [])].some(({ id }) => id === user)
}

/** The picture somebody has now, and is seen with. */
export async function faceOf({ ports, now }: Deps, user: string): Promise<Face | undefined> {
  const document = await ports.store.get(faceDocumentKey(user))
  if (!document) return undefined
  const { face, at } = FaceDocument.parse(document.value)
  if (face === null) return undefined
  if (now() - at > SEEN_MS) await ports.store.put(document.key, { face, at: now() }, document.version)
  return face
}

/** Answers the picture of before. The stages he may be on are told; the picture of before is nobody's any more: a replay shows initials in its place. */
async function change(
  { ports, spaces, logger, now }: Deps,
  user: string,
  face: Face | null,
): Promise<Face | null> {
  const before = await replace(ports.store, user, { face, at: now() })
  if (before === face) return before
  for (const space of await spaces.liveWith(user))
    await tellMixer(ports.log, space, { type: 'face', id: user, face })
  if (before === null) return null
  await ports.objects.delete(faceKey(user, before)).catch((error: unknown) => {
    logger.warn({ user, face: before, err: messageOf(error) }, 'an old picture could not be deleted')
  })
  return before
}

/** Answers what was there before. Throws `busy` (503). */
async function replace(store: Store, user: string, next: FaceDocument): Promise<Face | null> {
  const key = faceDocumentKey(user)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const document = await store.get(key)
    const before = document ? FaceDocument.parse(document.value).face : null
    if (before === next.face) return before
    if ((await store.put(key, next, document?.version ?? 0)) !== 'conflict') return before
  }
  throw new AppError(503, 'busy', 'Your picture is being changed by many at once. Try again.')
}
