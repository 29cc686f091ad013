import { KEPT_POSTS } from '@odeon/common/posts.ts'
import type { RoomState, ToStage } from '@odeon/common/room.ts'

type Told = Pick<RoomState, 'posts' | 'pin' | 'reactions'>
type Said = Extract<ToStage, { type: 'said' }>

/** What somebody who comes now is shown of the posts. */
export const allSaid = ({ posts = [], pin = null }: Told): Said => ({ type: 'said', posts, removed: [], pin })

/** What those on stage are told between two states of the room: posts that came and went, the pin, reactions. */
export function saidSince(before: Told, now: Told): ToStage[] {
  const messages: ToStage[] = []
  const { posts: old = [] } = before
  const { posts = [], pin = null, reactions } = now
  const there = new Set(posts.map(({ id }) => id))
  const known = new Set(old.map(({ id }) => id))
  const came = posts.filter(({ id }) => !known.has(id))
  // The oldest of a full list made place for newer ones, and were not removed.
  const oldest = posts.length < KEPT_POSTS ? -1 : posts[0]!.frame
  const removed = old.filter(({ id, frame }) => !there.has(id) && frame >= oldest).map(({ id }) => id)
  if (came.length > 0 || removed.length > 0 || pin?.id !== before.pin?.id)
    messages.push({ type: 'said', posts: came, removed, pin })
  if (reactions && reactions.frame !== before.reactions?.frame)
    messages.push({ type: 'reactions', counts: reactions.counts })
  return messages
}
