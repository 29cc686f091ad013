import * as z from 'zod/mini'
import { randomId, UserId } from './ids.ts'

/** A picture of somebody: a name of its own for each that was ever uploaded, so that what is at its URL never changes. */
export const Face = z.string().check(z.regex(/^[a-z0-9]{12}$/, 'a face is 12 lower-case letters or digits'))
export type Face = z.infer<typeof Face>
export const newFace = (): Face => randomId(12)

/** Pixels on each side. */
export const FACE_SIZE = 256
/** Of the picture that somebody sends. */
export const MAX_PICTURE_BYTES = 2 * 1024 * 1024

/** Where it is seen, and, without the first slash, its key in the object store. */
export const facePath = (user: string, face: Face): string => `/faces/${user}/${face}.webp`
export const faceKey = (user: string, face: Face): string => facePath(user, face).slice(1)
export const FACE_PREFIX = 'faces/'

/** The key of an object for what comes after `/faces/`; undefined where it can't be one of ours. */
export function faceKeyOf(rest: string): string | undefined {
  const [user, file, ...more] = rest.split('/')
  const face = file?.endsWith('.webp') ? file.slice(0, -'.webp'.length) : undefined
  if (more.length > 0 || !UserId.safeParse(user).success || !Face.safeParse(face).success) return undefined
  return faceKey(user!, face!)
}

/** A document for each person: the face he has now, none after he took it away, and when he was last seen with it, epoch ms. */
export const faceDocumentKey = (user: string): string => `face:{${user}}`
export const FACE_DOCUMENT_PREFIX = 'face:{'
export const FaceDocument = z.object({ face: z.nullable(Face), at: z.number() })
export type FaceDocument = z.infer<typeof FaceDocument>
