import * as z from 'zod/mini'
import { UserId } from './ids.ts'

/** What people do besides talking: short texts, of which one may be pinned, and emoji. The words of it, and all its bounds. */

export const REACTIONS = ['👏', '❤️', '😂', '🔥', '👍', '🎉'] as const
export const Reaction = z.enum(REACTIONS)
export type Reaction = z.infer<typeof Reaction>

/** How often each was sent; those that nobody sent are left out. A page shows those it knows. */
export const Counts = z.record(z.string().check(z.maxLength(16)), z.int().check(z.gte(1)))
export type Counts = z.infer<typeof Counts>

export const PostId = z
  .string()
  .check(z.regex(/^[a-z0-9]{20}$/, 'a post id is 20 lower-case letters or digits'))

export const Post = z.object({
  id: PostId,
  by: z.object({ id: UserId, name: z.string() }),
  /** Of its author, when it was written. */
  role: z.enum(['host', 'cohost', 'speaker', 'listener']),
  /** Text, never HTML: one line of at most `POST_LENGTH` code points. */
  text: z.string(),
})
export type Post = z.infer<typeof Post>

/** In the frame (20 ms, counted from the start of the space) in which the mixer wrote it. */
export const PlacedPost = z.extend(Post, { frame: z.int().check(z.gte(0)) })
export type PlacedPost = z.infer<typeof PlacedPost>

/** Code points. */
export const POST_LENGTH = 280
export const REPORT_LENGTH = 500
/** Posts that a late joiner is shown, and that may be pinned or removed by their author. */
export const KEPT_POSTS = 30
/** Emoji in one request: taps of a moment, sent together. */
export const MAX_COUNT = 20

/** Between two words of an api node about one space, ms, and between two `reactions` in the log, frames: a reaction waits for both. */
export const REACTIONS_EVERY_MS = 60
export const REACTIONS_EVERY_FRAMES = 5

/** What was typed, as one line: without control characters, or invisible ones but those that join letters and emoji. */
export const cleanText = (typed: string): string =>
  typed
    .toWellFormed()
    .replace(/\s+/gu, ' ')
    .replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu, '')
    .trim()

/** Some letter, number or sign in it. */
export const canBeSeen = (text: string): boolean => /[\p{L}\p{N}\p{S}\p{P}]/u.test(text)

/** Adds to `sum`; only emoji that we know, so that it never has more than they are. */
export function addCounts(sum: Map<Reaction, number>, counts: Counts): void {
  for (const emoji of REACTIONS) {
    const more = counts[emoji]
    if (more !== undefined) sum.set(emoji, Math.min(Number.MAX_SAFE_INTEGER, (sum.get(emoji) ?? 0) + more))
  }
}
