import { afterEach, expect, test } from 'vitest'
import type { Request } from '../server.ts'
import { clientAddress, isProxy, networkOf, trustedProxies } from './client-address.ts'
import { openHouse, type House } from './harness.ts'

/** Whose address counts against the limits. */

const from = (peer: string, forwarded: string | undefined, ...proxies: string[]): string =>
  clientAddress(
    {
      socket: { remoteAddress: peer },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    } as Request,
    trustedProxies(proxies),
  )

test('a header from somebody who is no trusted proxy is ignored, also beside proxies that are', () => {
  expect(from('203.0.113.9', '192.0.2.1')).toBe('203.0.113.9')
  expect(from('203.0.113.9', '192.0.2.1', '10.0.0.0/8')).toBe('203.0.113.9')
})

test('a trusted proxy’s word is taken, and what the client wrote before it is not', () => {
  expect(from('10.0.0.2', '192.0.2.1', '10.0.0.0/8')).toBe('192.0.2.1')
  expect(from('10.0.0.2', '198.51.100.7, 192.0.2.1', '10.0.0.0/8')).toBe('192.0.2.1')
  expect(from('10.0.0.2', undefined, '10.0.0.0/8')).toBe('10.0.0.2')
})

test('behind two proxies it is the address that the outer one saw', () => {
  expect(from('10.0.0.2', '198.51.100.7, 192.0.2.1, 10.0.0.1', 'private')).toBe('192.0.2.1')
  expect(from('10.0.0.2', '10.7.7.7, 10.0.0.1', '10.0.0.1', '10.0.0.2')).toBe('10.7.7.7')
})

test('an address is known in each of its spellings, and nonsense ends the reading', () => {
  expect(from('::ffff:127.0.0.1', '192.0.2.1:5123', 'loopback')).toBe('192.0.2.1')
  expect(from('::1', '[2001:db8::7]:443', 'loopback')).toBe('2001:db8::7')
  expect(from('fe80::1%eth0', '2001:db8::7', 'private')).toBe('2001:db8::7')
  expect(from('10.0.0.2', '192.0.2.1, unknown', 'private')).toBe('10.0.0.2')
  expect(from('10.0.0.2', '', 'private')).toBe('10.0.0.2')
  expect(from('10.0.0.2', ', ,,', 'private')).toBe('10.0.0.2')
})

test('an IPv6 client is counted by the half of his address that he can’t choose', () => {
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(networkOf('2001:db8:1:2::6')).toBe('2001:db8:1:2::/64')
  expect(networkOf('2001:DB8::6')).toBe('2001:db8:0:0::/64')
  expect(networkOf('::1')).toBe('0:0:0:0::/64')
  expect(networkOf('2001:db8::')).toBe('2001:db8:0:0::/64')
  expect(networkOf('64:ff9b::192.0.2.1')).toBe('64:ff9b:0:0::/64')
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1')
})

test.each(['10.0.0.1', '10.0.0.0/8', '2001:db8::/32', 'private', 'loopback'])('%s may be a proxy', (text) =>
  expect(isProxy(text)).toBe(true),
)

test.each(['', 'edge', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0/8', '10.0.0.1/x', 'constructor'])(
  '%j may not',
  (text) => expect(isProxy(text)).toBe(false),
)

let house: House | undefined
afterEach(() => house?.close())

const statuses = async (...forwarded: string[]): Promise<number[]> => {
  const found: number[] = []
  for (const address of forwarded)
    found.push(
      (
        await house!.ask('POST', '/api/session', {
          body: { name: 'Ana' },
          headers: { 'x-forwarded-for': address },
        })
      ).status,
    )
  return found
}

test('without a proxy in front, nobody gets a new limit by naming another address', async () => {
  house = await openHouse({ limits: { sessions: 1 }, trustedProxies: ['10.0.0.0/8'] })
  expect(await statuses('192.0.2.1', '192.0.2.2')).toEqual([201, 429])
})

test('behind a proxy each client has a limit of his own', async () => {
  house = await openHouse({ limits: { sessions: 1 }, trustedProxies: ['loopback'] })
  expect(await statuses('192.0.2.1', '192.0.2.2', '198.51.100.7, 192.0.2.1', '2001:db8::1')).toEqual([
    201, 201, 429, 201,
  ])
  expect(await statuses('2001:db8::2', '2001:db8:1::2')).toEqual([429, 201])
})
