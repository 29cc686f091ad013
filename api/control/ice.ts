import { createHmac } from 'node:crypto'

/** The STUN and TURN servers that a speaker's browser is given. */
export interface IceSettings {
  /** `turn:`, `turns:` and `stun:` URIs (RFC 7064, RFC 7065). */
  urls: readonly string[]
  /** Shared with coturn (`static-auth-secret`). */
  secret: string
}

/** A talk may be long, and every refresh of an allocation is checked again. */
const LIFETIME_S = 12 * 3600

/**
 * The servers as Link headers, RFC 9725 §4.6, with credentials for this user alone that end by themselves: the name is the second at which
 * they end and the user, the password its HMAC-SHA1 (draft-uberti-behave-turn-rest-00 §2.2, as coturn's `use-auth-secret` checks it). `now` in ms.
 */
export function iceLinks({ urls, secret }: IceSettings, userId: string, now: number): string[] {
  const username = `${Math.floor(now / 1000) + LIFETIME_S}:${userId}`
  const credential = createHmac('sha1', secret).update(username).digest('base64')
  return urls.map((url) =>
    url.startsWith('stun')
      ? `<${url}>; rel="ice-server"`
      : `<${url}>; rel="ice-server"; username="${username}"; credential="${credential}"; credential-type="password"`,
  )
}
