import { z } from 'zod'
import { canBeSeen, cleanText } from '@odeon/common/posts.ts'

/** Text that people typed: trimmed, of sensible length, without control characters. */
export const personText = (longest: number): z.ZodType<string> =>
  z
    .string()
    .transform((text) => text.trim())
    .pipe(
      z
        .string()
        .min(1, 'wanted: at least one character')
        .max(longest, `wanted: ${longest} characters at most`)
        // U+200D joins emoji; other invisible characters turn names around or hide them.
        .regex(/^(?:[^\p{Cc}\p{Cf}]|\u200d)*$/u, 'wanted: no control or invisible characters')
        .regex(/[\p{L}\p{N}\p{S}\p{P}]/u, 'wanted: something that can be seen'),
    )

/** What people write to one another: one line, cleaned, of `longest` code points at most. */
export const saidText = (longest: number): z.ZodType<string> =>
  z
    .string()
    .max(8 * longest, `wanted: ${longest} characters at most`)
    .transform(cleanText)
    .refine((text) => [...text].length <= longest, `wanted: ${longest} characters at most`)
    .refine(canBeSeen, 'wanted: something that can be seen')
