import * as z from 'zod/mini' // The page parses with these too: the small zod is a quarter of the size.

const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789' // 32 letters that can't be mistaken for one another.

/** A random name of `length` letters, 5 bits each. Web Crypto, which the browser has too. */
export const randomId = (length: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => alphabet[byte % 32]).join('')

export const SpaceId = z
  .string()
  .check(z.regex(/^[a-z0-9]{8,32}$/, 'a space id is 8 to 32 lower-case letters or digits'))
export const UserId = z
  .string()
  .check(z.regex(/^[a-z0-9]{8,32}$/, 'a user id is 8 to 32 lower-case letters or digits'))

export const newSpaceId = (): string => randomId(10)
export const newUserId = (): string => randomId(12)
/** 120 bits: an invitation can't be guessed. */
export const newInviteCode = (): string => randomId(24)
export const newPostId = (): string => randomId(20)
