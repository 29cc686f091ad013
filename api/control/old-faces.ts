import {
  FACE_DOCUMENT_PREFIX,
  FACE_PREFIX,
  FaceDocument,
  faceDocumentKey,
  faceKey,
  type Face,
} from '@odeon/common/face.ts'
import type { Ports } from '@odeon/common/ports.ts'

/** A guest who was not seen with his face for so long has lost his identity long since: tokens last a month. */
export const FACE_LIFE_MS = 366 * 24 * 3600_000
/** About 10 kB each. Past that, those not seen for longest go. */
export const MAX_FACES = 100_000

export interface OldFacesOptions {
  ports: Pick<Ports, 'store' | 'objects'>
  now: () => number
  /** `MAX_FACES` unless told. */
  most?: number
}

/**
 * Deletes the pictures that nobody has any more: of guests who did not come back, of too many, and those whose upload or removal broke off in the
 * middle. The last are told from uploads under way by being there at two looks. Answers how many it deleted.
 */
export function createFaceSweep({ ports, now, most = MAX_FACES }: OldFacesOptions): () => Promise<number> {
  let strays = new Set<string>()
  return async () => {
    const kept = new Set<string>()
    const old: { user: string; face: Face | null }[] = []
    const people = (await ports.store.list(FACE_DOCUMENT_PREFIX))
      .map(({ key, value }) => ({
        user: key.slice(FACE_DOCUMENT_PREFIX.length, -1),
        ...FaceDocument.parse(value),
      }))
      .sort((a, b) => b.at - a.at)
    for (const { user, face, at } of people) {
      if (now() - at > FACE_LIFE_MS || kept.size >= most) old.push({ user, face })
      else if (face !== null) kept.add(faceKey(user, face))
    }
    for (const { user, face } of old) {
      if (face !== null) await ports.objects.delete(faceKey(user, face)) // Before the document: it is tried again if this fails.
      await ports.store.delete(faceDocumentKey(user))
    }
    const stored = (await ports.objects.list(FACE_PREFIX)).map(({ key }) => key)
    const nobodys = stored.filter((key) => !kept.has(key))
    const again = nobodys.filter((key) => strays.has(key))
    for (const key of again) await ports.objects.delete(key)
    strays = new Set(nobodys)
    return old.length + again.length
  }
}
