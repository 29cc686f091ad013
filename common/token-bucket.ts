export interface TokenBucketOptions {
  perSecond: number
  /** What may come at once. */
  burst: number
}

/** Lets so much through and no more. What is too much is for the caller to drop and count: live audio can't wait. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #filledAt = -Infinity

  constructor(options: TokenBucketOptions) {
    this.#options = options
    this.#tokens = options.burst
  }

  /** True if so many more may pass at `at`, ms of a steady clock. */
  take(at: number, count = 1): boolean {
    const { perSecond, burst } = this.#options
    const gained = Math.max(0, at - this.#filledAt) * (perSecond / 1000)
    this.#tokens = Math.min(burst, this.#tokens + gained)
    this.#filledAt = at
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }
}
