import { AppError } from '../errors.ts'

/** A key is a relative path of plain names, so that none leads out of its folder or bucket. */
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/

/** Throws `bad_key`. */
export function assertObjectKey(key: string): void {
  if (!KEY.test(key))
    throw new AppError(
      400,
      'bad_key',
      `"${key.slice(0, 100)}" is no object key: names of letters, digits, . _ - with slashes between.`,
    )
}

/** A prefix is the beginning of a key, or nothing. Throws `bad_key`. */
export function assertObjectPrefix(prefix: string): void {
  if (prefix) assertObjectKey(`${prefix}x`)
}
