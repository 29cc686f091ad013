import { messageOf } from '@odeon/common/errors.ts'
import { aacSegmentKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Objects } from '@odeon/common/ports.ts'
import { postsIn, withoutPosts, type PostsSaid } from '@odeon/common/removed-posts.ts'

/** Posts of a live space that are known by the segments they are in; those of before them are left to the archive job. */
const KNOWN_POSTS = 20_000
/** Removed posts that are recognised when they come once more. */
const KNOWN_REMOVED = 20_000
/** Segments read at once when we have to look where something is. */
const AT_ONCE = 8

export interface EraserOptions {
  id: string
  objects: Pick<Objects, 'get' | 'put'>
  logger: Logger
  /** A stored segment was written anew. */
  onErased(): void
  /** Calls the object store until it answers. */
  stubbornly<T>(task: () => Promise<T>): Promise<T>
}

/**
 * Takes removed posts out of what is stored of a live space. Hand it each segment in order, before it is stored: what the segment takes away is
 * then gone from all that were stored before. So a stored segment's removals are done, and whoever goes on after it has nothing to make up for.
 */
export class Eraser {
  readonly #options: EraserOptions
  /** The segments in which a post's text is. */
  readonly #where = new Map<string, number[]>()
  readonly #removed = new Set<string>()
  /** Every segment from here on was seen; undefined before the first. */
  #seenFrom: number | undefined

  constructor(options: EraserOptions) {
    this.#options = options
  }

  /** The segment as it is to be stored. */
  async pass(msn: number, bytes: Uint8Array): Promise<Uint8Array> {
    const { posts, removed } = this.#look(msn, bytes)
    this.#seenFrom ??= msn
    if (removed.length > 0) await this.#remove(removed, msn)
    const gone = new Set(posts.filter((id) => this.#removed.has(id)))
    this.#note(
      msn,
      posts.filter((id) => !gone.has(id)),
    )
    return withoutPosts(bytes, gone) ?? bytes
  }

  async #remove(ids: readonly string[], before: number): Promise<void> {
    remember(this.#removed, ids, KNOWN_REMOVED)
    await this.#lookBack()
    const segments = new Set(ids.flatMap((id) => this.#where.get(id) ?? []))
    for (const msn of segments) if (msn < before) await this.#erase(msn, new Set(ids))
    for (const id of ids) this.#where.delete(id)
  }

  async #erase(msn: number, ids: ReadonlySet<string>): Promise<void> {
    const { id, objects, logger, stubbornly, onErased } = this.#options
    await stubbornly(async () => {
      if (await eraseFrom(objects, id, msn, ids, logger)) onErased()
    })
  }

  /** Once, and only for a worker that took over: where the posts are that it did not see. */
  async #lookBack(): Promise<void> {
    const { id, objects, stubbornly } = this.#options
    const until = this.#seenFrom ?? 0
    for (let from = 0; from < until; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, until - from) }, async (_, n) => {
        const bytes = await stubbornly(() => objects.get(aacSegmentKey(id, from + n)))
        if (bytes) this.#note(from + n, this.#look(from + n, bytes).posts)
      })
      await Promise.all(some)
    }
    this.#seenFrom = 0
  }

  #note(msn: number, posts: readonly string[]): void {
    for (const post of posts) {
      const where = this.#where.get(post)
      if (!where) this.#where.set(post, [msn])
      else if (where.at(-1) !== msn) where.push(msn)
    }
    while (this.#where.size > KNOWN_POSTS) this.#where.delete(this.#where.keys().next().value!)
  }

  /** A segment that can't be read is stored as it is: the archive leaves it out. */
  #look(msn: number, bytes: Uint8Array): PostsSaid {
    try {
      return postsIn(bytes)
    } catch (error) {
      complain(this.#options, msn, error)
      return { posts: [], removed: [] }
    }
  }
}

/** True when the stored segment had one of these posts, and is now without. The same again does nothing. A damaged one is left as it is. */
export async function eraseFrom(
  objects: Pick<Objects, 'get' | 'put'>,
  id: string,
  msn: number,
  posts: ReadonlySet<string>,
  logger: Logger,
): Promise<boolean> {
  const bytes = await objects.get(aacSegmentKey(id, msn))
  let without: Uint8Array | undefined
  try {
    without = bytes && withoutPosts(bytes, posts)
  } catch (error) {
    complain({ id, logger }, msn, error)
  }
  if (!without) return false
  await objects.put(aacSegmentKey(id, msn), without, 'audio/mp4')
  return true
}

const complain = ({ id, logger }: { id: string; logger: Logger }, msn: number, error: unknown): void =>
  logger.error(
    { space: id, msn, error: messageOf(error) },
    'A segment is damaged: posts can’t be taken out of it.',
  )

function remember(known: Set<string>, ids: readonly string[], most: number): void {
  for (const id of ids) known.add(id)
  while (known.size > most) known.delete(known.values().next().value!)
}
