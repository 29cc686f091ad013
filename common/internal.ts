import { z } from 'zod'
import { Face } from './face.ts'
import { SpaceId, UserId } from './ids.ts'

/**
 * What the api and an ingest node say to each other, by HTTP on an internal address, with the header
 * `authorization: Bearer <internal secret>`. Errors have the public shape (`ErrorBody`) and are handed on as they are.
 *
 * | call | body | answer |
 * | --- | --- | --- |
 * | `PUT /spaces/:id` | `OpenSpace` | 204: this node mixes the space (it did before, or does now) |
 * | `POST /spaces/:id/sessions` | `Offer` | 201 `Answer` |
 * | `PATCH /spaces/:id/sessions/:session` | `Fragment` | 204, or 200 `FragmentAnswer` after an ICE restart |
 * | `DELETE /spaces/:id/sessions/:session` | – | 204 |
 */
export const OpenSpace = z.object({ startedAt: z.number(), title: z.string() })
export type OpenSpace = z.infer<typeof OpenSpace>

/** A `listener` waits off stage, with his connection ready, until a host lets him on. */
export const Speaker = z.object({
  id: UserId,
  name: z.string(),
  role: z.enum(['host', 'cohost', 'speaker', 'listener']),
  face: z.optional(Face),
})
export type Speaker = z.infer<typeof Speaker>

/** The size of an SDP that we read, in bytes; browsers send 1 to 6 kB. */
export const MAX_SDP_BYTES = 64 * 1024

/** What a speaker sends: a voice, which is brought to the level of the others, or music, which stays as it is. */
export const Sound = z.enum(['voice', 'music'])
export type Sound = z.infer<typeof Sound>

export const Offer = z.object({
  sdp: z.string().max(MAX_SDP_BYTES),
  speaker: Speaker,
  /** A voice, where it does not say. */
  sound: Sound.optional(),
})
export type Offer = z.infer<typeof Offer>

export const Answer = z.object({ session: z.string(), sdp: z.string() })
export type Answer = z.infer<typeof Answer>

/** `application/trickle-ice-sdpfrag`, RFC 8840. */
export const Fragment = z.object({ fragment: z.string().max(MAX_SDP_BYTES) })
export const FragmentAnswer = z.object({ fragment: z.string() })

/** Data of a job in the live and archive queues. */
export const SpaceJob = z.object({ id: SpaceId, startedAt: z.number() })
export type SpaceJob = z.infer<typeof SpaceJob>
