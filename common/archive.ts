import { z } from 'zod'
import { TimedEvent } from './events.ts'

/**
 * `spaces/{id}/archive.json`: what a replay needs besides the segments. Written by the archive job, and anew where a
 * host takes posts out of it after the end.
 */
export const ArchiveSegment = z.object({
  msn: z.number().int().nonnegative(),
  /** AAC frames (1024 samples at 48 kHz); a missing segment counts as long as it would have been. */
  frames: z.number().int().nonnegative(),
  /** Size of the object; 0 when it is missing. */
  bytes: z.number().int().nonnegative(),
  /** The segment is missing: EXT-X-GAP. */
  gap: z.literal(true).optional(),
})
export type ArchiveSegment = z.infer<typeof ArchiveSegment>

export const Archive = z.object({
  v: z.literal(1),
  id: z.string(),
  title: z.string().optional(),
  /** Epoch ms of sample 0. */
  startedAt: z.number(),
  durationMs: z.number(),
  /** From msn 0 on, without a hole in the numbers. */
  segments: z.array(ArchiveSegment),
  /** Changes of the stage, and of who talks, in order of frame. */
  events: z.array(TimedEvent),
})
export type Archive = z.infer<typeof Archive>
