import { BlockList, isIP } from 'node:net'
import type { Request } from '../server.ts'

/** Whose limits a request counts against: the address it comes from, as far as it can be believed. */

/** The names that a list of proxies may hold besides addresses and subnets. */
export const NAMED_SUBNETS = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fe80::/10'],
} as const satisfies Record<string, readonly string[]>

/** An address, a subnet (`10.1.0.0/16`), or one of the names. */
export function isProxy(text: string): boolean {
  if (Object.hasOwn(NAMED_SUBNETS, text)) return true
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  return family !== 0 && rest.length === 0 && (bits === undefined || areBits(bits, family))
}

const areBits = (bits: string, family: number): boolean =>
  /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)

/** `proxies`: each as `isProxy` wants it. */
export function trustedProxies(proxies: readonly string[]): BlockList {
  const list = new BlockList()
  for (const proxy of proxies.flatMap((text) => NAMED_SUBNETS[text as 'loopback'] ?? [text])) {
    const [address = '', bits] = proxy.split('/')
    const family = isIP(address)
    list.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/**
 * The address of the client. `X-Forwarded-For` is read from its end, where the proxy wrote that is nearest to us, and only as far as those who wrote are
 * trusted: what a client put there himself is never reached, nor is anything believed that comes from somebody else than a trusted proxy.
 */
export function clientAddress({ socket, headers }: Request, trusted: BlockList): string {
  let address = plain(socket.remoteAddress ?? '') ?? ''
  const forwarded = headers['x-forwarded-for']
  if (typeof forwarded !== 'string') return address
  const steps = forwarded.split(',')
  while (steps.length > 0 && isTrusted(trusted, address)) {
    const before = plain(steps.pop()!.trim())
    if (before === undefined) break // `unknown`, or nonsense: the last that was told is as near as we get.
    address = before
  }
  return address
}

const isTrusted = (trusted: BlockList, address: string): boolean =>
  isIP(address) !== 0 && trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** Without port, brackets, zone, or the form that an IPv4 address has on an IPv6 socket; undefined for what is none. */
function plain(text: string): string | undefined {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) === 0 ? undefined : address
}

/** Under what an address is counted: an IPv6 client has 2⁶⁴ addresses of his own, so that it is the first half that says who he is. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
  if (address.includes('::')) while (groups.length < 8 - behind) groups.push('0')
  const half = [...groups, ...tail.split(':')].slice(0, 4)
  return `${half.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
