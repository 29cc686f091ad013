import * as z from 'zod/mini'
import { walkBoxes } from './boxes.ts'
import { textOfEmsg, withText } from './emsg.ts'
import { PostId } from './posts.ts'

/**
 * Posts in CMAF (chunks, or segments made of them), and taking them out again. Lengths stay as they are, so that byte ranges, playlists and
 * what is known of a segment stay true: what is taken out of the JSON of an `emsg` box is made up for with spaces behind it.
 */

export interface PostsSaid {
  /** Whose text is in it: as a post, or pinned. */
  posts: string[]
  /** What is taken away by it. */
  removed: string[]
}

const Envelope = z.looseObject({ events: z.array(z.unknown()) })
/** All that has to be known of an event here; others may be of a newer version. */
const Saying = z.union([
  z.looseObject({ type: z.literal('post'), id: PostId }),
  z.looseObject({ type: z.literal('pin'), post: z.looseObject({ id: PostId }) }),
  z.looseObject({ type: z.literal('unpost'), id: PostId }),
])

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Whether a text of somebody may be in it. A fast look, for what is sent. */
export const holdsPosts = (bytes: Uint8Array): boolean => buffer(bytes).includes('"text":"')

/** Throws where boxes or events are damaged. */
export function postsIn(bytes: Uint8Array): PostsSaid {
  const said: PostsSaid = { posts: [], removed: [] }
  if (!buffer(bytes).includes('post"')) return said
  for (const { events } of envelopes(bytes))
    for (const event of events) {
      const saying = Saying.safeParse(event).data
      if (saying?.type === 'post') said.posts.push(saying.id)
      if (saying?.type === 'pin') said.posts.push(saying.post.id)
      if (saying?.type === 'unpost') said.removed.push(saying.id)
    }
  return said
}

/** As many bytes without these posts, nothing being pinned where one of them was; undefined when none of them is in it. Throws where it is damaged. */
export function withoutPosts(bytes: Uint8Array, ids: ReadonlySet<string>): Uint8Array | undefined {
  if (ids.size === 0 || !holdsPosts(bytes)) return undefined
  let copy: Uint8Array | undefined
  for (const { start, body, envelope, events } of envelopes(bytes)) {
    const left = events.flatMap((event) => {
      const saying = Saying.safeParse(event).data
      if (saying?.type === 'post' && ids.has(saying.id)) return []
      if (saying?.type === 'pin' && ids.has(saying.post.id)) return [{ ...saying, post: null }]
      return [event]
    })
    if (left.every((event, n) => event === events[n]) && left.length === events.length) continue
    copy ??= Uint8Array.from(bytes)
    copy.set(withText(body, JSON.stringify({ ...envelope, events: left })), start + 8)
  }
  return copy
}

function* envelopes(bytes: Uint8Array) {
  for (const { type, start, body } of walkBoxes(bytes)) {
    const text = type === 'emsg' ? textOfEmsg(body) : undefined
    if (text === undefined) continue
    const envelope = Envelope.parse(JSON.parse(text))
    yield { start, body, envelope, events: envelope.events }
  }
}
