import { AppError } from '@odeon/common/errors.ts'
import { TokenBucket, type TokenBucketOptions } from '@odeon/common/token-bucket.ts'

/** A bucket for each of many, in this node's memory: for what comes too often to ask the store. */
export interface Buckets {
  /** False when `who` has used up what he has. */
  take(who: string, count?: number): boolean
}

/** Buckets remembered; the one that was not used for longest goes, and is full when it comes again. */
const KEPT = 20_000

/** `now` in ms. */
export function createBuckets(options: TokenBucketOptions, now: () => number, kept = KEPT): Buckets {
  const buckets = new Map<string, TokenBucket>()
  return {
    take(who, count = 1) {
      let bucket = buckets.get(who)
      if (bucket) buckets.delete(who)
      else bucket = new TokenBucket(options)
      buckets.set(who, bucket) // The newest is last.
      if (buckets.size > kept) buckets.delete(buckets.keys().next().value!)
      return bucket.take(now(), count)
    },
  }
}

export const tooFast = (): AppError =>
  new AppError(429, 'too_fast', 'That is more than fingers can do. Try again in a moment.')
