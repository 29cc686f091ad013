import { z } from 'zod'
import { AppError } from './errors.ts'

/** Parses what came from outside; the error says which field was wrong and what was wanted. */
export function parse<T>(schema: z.core.$ZodType<T>, value: unknown, what: string): T {
  const result = z.safeParse(schema, value)
  if (result.success) return result.data
  throw new AppError(400, 'bad_input', `${what}: ${explain(result.error)}`)
}

/** "title: Too small: expected string to have >=1 characters" for each thing that is wrong. */
export function explain(error: z.core.$ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`)
    .join('; ')
}
