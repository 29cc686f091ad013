import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqliteStore } from '@odeon/common/adapters/embedded/store.ts'
import type { Store } from '@odeon/common/ports.ts'
import { createAllowance, type Allowance, type AllowanceOptions } from './allowance.ts'

let now: number
let store: Store
let alone: number
beforeEach(() => {
  now = 1_790_000_000_000
  alone = 0
  store = openSqliteStore({ file: ':memory:', now: () => now })
})
afterEach(() => store.close())

/** Five at once, and one in two seconds, as posts. */
const node = (changes: Partial<AllowanceOptions> = {}): Allowance =>
  createAllowance({
    name: 'posts',
    perSecond: 0.5,
    burst: 5,
    most: 10,
    windowMs: 10_000,
    store,
    onAlone: () => alone++,
    now: () => now,
    ...changes,
  })
/** How many of so many tries go through, each at the next node. */
async function through(tries: number, nodes: readonly Allowance[], who = 'ana00000'): Promise<number> {
  let count = 0
  for (let n = 0; n < tries; n++) if (await nodes[n % nodes.length]!.take(who)) count++
  return count
}

test('behind three nodes a person has what he has in a window, not three times as much', async () => {
  const nodes = [node(), node(), node()]
  expect(await through(60, nodes)).toBe(10)
  expect(await through(60, nodes, 'ben00000')).toBe(10)
  now += 10_001
  expect(await through(60, nodes)).toBe(10)
  expect(alone).toBe(0)
})

test('on one node it is a bucket: what comes at once, and then what comes in time', async () => {
  const one = [node()]
  expect(await through(60, one)).toBe(5)
  now += 2000
  expect(await through(60, one)).toBe(1)
})

test('a flood is refused where it comes, without asking the store', async () => {
  let asked = 0
  const counting = {
    increment: (...args: Parameters<Store['increment']>) => (asked++, store.increment(...args)),
  }
  await through(1000, [node({ store: counting })])
  expect(asked).toBe(5)
})

test('of a crowd in which nobody does much, the store hears nothing', async () => {
  const refusing = { increment: () => Promise.reject(new Error('not to be asked')) }
  const hands = node({ name: 'hands', burst: 30, most: 30, windowMs: 60_000, free: 3, store: refusing })
  for (let n = 0; n < 1000; n++) expect(await through(3, [hands], `person${n}`)).toBe(3)
  expect(alone).toBe(0)
  expect(await through(1, [hands], 'person1')).toBe(1)
  expect(alone).toBe(1)
})

test('who does more than that is counted on all nodes', async () => {
  const nodes = Array.from({ length: 4 }, () =>
    node({ name: 'hands', burst: 30, most: 30, windowMs: 60_000, free: 3 }),
  )
  expect(await through(400, nodes)).toBe(30 + 4 * 3)
})

test('while the store is away each node counts for itself, and nobody is stopped; then together again', async () => {
  let away = true
  const shaky = {
    increment: (...args: Parameters<Store['increment']>) =>
      away ? Promise.reject(new Error('away')) : store.increment(...args),
  }
  const nodes = [node({ store: shaky }), node({ store: shaky })]
  expect(await through(60, nodes)).toBe(10)
  expect(alone).toBe(10)
  away = false
  now += 10_001
  expect(await through(60, [...nodes, node()])).toBe(10)
  expect(alone).toBe(10)
})

test('a store that accepts and does not answer keeps one waiting for a moment, and the next not at all', async () => {
  let asked = 0
  const silent = { increment: () => (asked++, new Promise<number>(() => {})) }
  const one = node({ store: silent })
  expect(await through(5, [one])).toBe(5)
  expect([asked, alone]).toEqual([1, 5])
  now += 10_000
  expect(await through(1, [one])).toBe(1)
  expect(asked).toBe(2)
})

test('one node alone asks no store', async () => {
  expect(await through(60, [node({ store: undefined })])).toBe(5)
  expect(alone).toBe(0)
})
