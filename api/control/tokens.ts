import { errors, jwtVerify, SignJWT } from 'jose'
import type { Context } from 'koa'
import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { UserId } from '@odeon/common/ids.ts'

/** Guest identities: a JWT (RFC 7519, HS256) of a name and an id, good for 30 days. Nothing is stored for them. */

export interface User {
  id: string
  name: string
}

export interface Tokens {
  sign(user: User): Promise<string>
  /** The bearer of a request. Throws `unauthorized` (401). */
  require(ctx: Context): Promise<User>
  /** The same for a token that came otherwise. Throws `unauthorized` (401). */
  verify(token: string): Promise<User>
  /** Undefined where there is no usable token. */
  find(ctx: Context): Promise<User | undefined>
}

/** `exp`: epoch seconds. */
const Claims = z.object({ sub: UserId, name: z.string(), exp: z.number() })
const ISSUER = 'odeon'
/** Tokens that were verified and are known by sight: a signature costs more than all the rest of a reaction. The oldest go. */
const KNOWN = 20_000
const LIFE_S = 30 * 24 * 3600

/** `now` is epoch ms. */
export function createTokens(secret: string, now: () => number): Tokens {
  const key = new TextEncoder().encode(secret)
  const require = async (ctx: Context): Promise<User> => {
    return verify(bearerOf(ctx.get('authorization')))
  }
  const known = new Map<string, { user: User; until: number }>()
  const verify = async (token: string): Promise<User> => {
    const seen = known.get(token)
    if (seen && now() < seen.until) return seen.user
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer: ISSUER,
        algorithms: ['HS256'],
        requiredClaims: ['exp'],
        currentDate: new Date(now()),
      })
      const claims = Claims.parse(payload)
      const user = { id: claims.sub, name: claims.name }
      known.set(token, { user, until: claims.exp * 1000 })
      if (known.size > KNOWN) known.delete(known.keys().next().value!)
      return user
    } catch (cause) {
      const expired = cause instanceof errors.JWTExpired
      throw unauthorized(
        expired ? 'The token has expired. Get a new one.' : 'The token is not valid here.',
        cause,
      )
    }
  }
  return {
    sign: ({ id, name }) =>
      new SignJWT({ name })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(id)
        .setIssuer(ISSUER)
        .setIssuedAt(Math.floor(now() / 1000))
        .setExpirationTime(Math.floor(now() / 1000) + LIFE_S)
        .sign(key),
    require,
    verify,
    find: (ctx) =>
      ctx.get('authorization') ? require(ctx).catch(() => undefined) : Promise.resolve(undefined),
  }
}

/** Of an `authorization` header. Throws `unauthorized` (401). */
export function bearerOf(authorization: string | undefined): string {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
  if (token) return token
  throw unauthorized('This needs a token: POST /api/session gives one, to be sent as a bearer token.')
}

const unauthorized = (message: string, cause?: unknown): AppError =>
  new AppError(401, 'unauthorized', message, { cause })
