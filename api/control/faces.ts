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
import type { Store } from '@odeon/common/ports.ts'
import type { Deps } from './context.ts'
import { makeFace } from './picture.ts'
import { tellMixer } from './tell-mixer.ts'
import { createUploads } from './upload.ts'

/** 16 MB at most in memory. */
const UPLOADS = { maxBytes: MAX_PICTURE_BYTES, most: 8, maxMs: 20_000 }
const MAX_TRIES = 10
/** Who dials again within this is not written down anew. */
const SEEN_MS = 7 * 24 * 3600_000

/** One's own picture. Handed out by the origin. */
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

/** The stages he may be on are told; the picture of before is nobody's any more: a replay shows initials in its place. */
async function change({ ports, spaces, logger, now }: Deps, user: string, face: Face | null): Promise<void> {
  const before = await replace(ports.store, user, { face, at: now() })
  if (before === face) return
  for (const space of await spaces.liveWith(user))
    await tellMixer(ports.log, space, { type: 'face', id: user, face })
  if (before === null) return
  await ports.objects.delete(faceKey(user, before)).catch((error: unknown) => {
    logger.warn({ user, face: before, err: messageOf(error) }, 'an old picture could not be deleted')
  })
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
