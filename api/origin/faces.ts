import { AppError, messageOf } from '@odeon/common/errors.ts'
import { faceKeyOf } from '@odeon/common/face.ts'
import type { Objects } from '@odeon/common/ports.ts'
import type { Complaints } from './complaints.ts'
import { storeAway } from './live.ts'
import { CACHE, send, TYPE, type Exchange } from './respond.ts'

/** Pictures of people, below `/faces/`: out of the object store, and kept by the caches before us. Throws AppError. */
export async function answerFace(
  exchange: Exchange,
  rest: string,
  { objects, complaints }: { objects: Objects; complaints: Complaints },
): Promise<void> {
  const key = faceKeyOf(rest)
  const body =
    key &&
    (await objects.get(key).catch((error: unknown) => {
      complaints.warn({ key, reason: messageOf(error) }, 'A face could not be read.')
      throw storeAway(error)
    }))
  if (!body)
    throw new AppError(404, 'no_face', `There is no picture "${rest.slice(0, 60)}", or not any more.`)
  send(exchange, {
    type: TYPE.face,
    cache: CACHE.face,
    body,
    headers: { 'content-security-policy': "default-src 'none'" },
  })
}
