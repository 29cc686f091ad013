import { afterEach, expect, test } from 'vitest'
import { openHouse, type House } from './harness.ts'

/** Whose address counts against the limits. */

let house: House
afterEach(() => house.close())

const statuses = async (...forwarded: string[]): Promise<number[]> => {
  const found: number[] = []
  for (const from of forwarded)
    found.push(
      (
        await house.ask('POST', '/api/session', {
          body: { name: 'Ana' },
          headers: { 'x-forwarded-for': from },
        })
      ).status,
    )
  return found
}

test('without a proxy in front, nobody gets a new address by saying so', async () => {
  house = await openHouse({ limits: { sessions: 1 } })
  expect(await statuses('192.0.2.1', '192.0.2.2')).toEqual([201, 429])
})

test('behind a proxy each client has an address of his own', async () => {
  house = await openHouse({ limits: { sessions: 1 }, proxies: 1 })
  expect(await statuses('192.0.2.1', '192.0.2.2', '192.0.2.1')).toEqual([201, 201, 429])
})

test('what a client himself wrote before the proxies’ own words is not believed', async () => {
  house = await openHouse({ limits: { sessions: 1 }, proxies: 1 })
  expect(await statuses('198.51.100.7, 192.0.2.1', '198.51.100.8, 192.0.2.1')).toEqual([201, 429])
})

test('with two proxies it is the address that the outer one saw', async () => {
  house = await openHouse({ limits: { sessions: 1 }, proxies: 2 })
  expect(
    await statuses(
      '198.51.100.7, 192.0.2.1, 10.0.0.1',
      '198.51.100.8, 192.0.2.1, 10.0.0.1',
      '192.0.2.2, 10.0.0.1',
    ),
  ).toEqual([201, 429, 201])
})
