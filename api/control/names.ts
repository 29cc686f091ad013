import { z } from 'zod'

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
        .regex(/^\P{Cc}*$/u, 'wanted: no control characters'),
    )
