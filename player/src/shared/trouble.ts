import { ApiError } from '../api/client.ts'
import { i18n } from '../i18n/i18n.ts'

/** What went wrong, in a sentence for the reader. */
export function explain(error: unknown): string {
  const { t, te } = i18n.global
  const key = `error.${error instanceof ApiError ? error.code : 'other'}`
  return t(te(key) ? key : 'error.other')
}
