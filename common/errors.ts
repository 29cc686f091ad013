/**
 * An error with a stable code for programs and a sentence for people: what came, what was wanted.
 * `status` is the HTTP status it becomes at the boundary.
 */
export class AppError extends Error {
  readonly code: string
  readonly status: number

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
    this.status = status
  }
}

/** The body of every error answer. */
export interface ErrorBody {
  error: { code: string; message: string }
}

export const errorBody = (error: AppError): ErrorBody => ({
  error: { code: error.code, message: error.message },
})

/** One sentence out of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
