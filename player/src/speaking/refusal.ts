import { ApiError } from '../api/http.ts'

export type FailReason =
  'denied' | 'no-microphone' | 'insecure' | 'unsupported' | 'full' | 'forbidden' | 'ended' | 'error'

/** Why speaking is not possible, for good: the page says so and dials no more. */
export class StageFailure extends Error {
  readonly reason: FailReason

  constructor(reason: FailReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StageFailure'
    this.reason = reason
  }
}

/** What a failed dial means: a StageFailure where dialling again is of no use, else undefined. */
export function finalFailure(error: unknown): StageFailure | undefined {
  if (error instanceof StageFailure) return error
  if (!(error instanceof ApiError)) return undefined // The connection was not made in time, or broke.
  const { status, code, message } = error
  const as = (reason: FailReason) => new StageFailure(reason, message, { cause: error })
  if (code === 'already_ended') return as('ended')
  if (code === 'stage_full') return as('full')
  if (status === 401 || status === 403) return as('forbidden')
  if (status === 409 || code === 'unknown_space' || [400, 413, 415, 422].includes(status)) return as('error')
  return undefined // Nobody there, or not yet: 404 of a node that has just taken over, 429, 5xx.
}
