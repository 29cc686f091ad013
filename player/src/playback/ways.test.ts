import { expect, test } from 'vitest'
import { Ways } from './ways.ts'

const MINUTE = 60_000

test('growing segments are the way as long as nothing is wrong with them', () => {
  const ways = new Ways()
  expect(ways.standardFor(0)).toBe(0)
  expect(ways.faulted({ kind: 'gone' }, 0)).toEqual({ kind: 'network', status: 404 })
  expect(ways.faulted({ kind: 'unreachable' }, 0)).toEqual({ kind: 'network', status: 0 })
  expect(ways.standardFor(1)).toBe(0)
})

test.each(['bursts', 'broken'] as const)(
  'after %s standard HLS is played at once, and the short way tried again after a minute',
  (kind) => {
    const ways = new Ways()
    expect(ways.faulted({ kind, message: '' }, 5000)).toEqual({ kind: 'change' })
    expect(ways.standardFor(5000)).toBe(MINUTE)
    expect(ways.standardFor(5000 + MINUTE)).toBe(0)
  },
)

test('a network that never lets it through is asked less and less often, four times an hour at last', () => {
  const ways = new Ways()
  const pauses: number[] = []
  for (let now = 0, n = 0; n < 6; n++) {
    ways.faulted({ kind: 'bursts' }, now)
    pauses.push(ways.standardFor(now) / MINUTE)
    now += ways.standardFor(now)
  }
  expect(pauses).toEqual([1, 2, 4, 8, 15, 15])
})

test('an origin at another place of the timeline is tuned in to anew; twice in a row it is this way that is at fault', () => {
  const ways = new Ways()
  expect(ways.faulted({ kind: 'elsewhere' }, 0)).toEqual({ kind: 'change' })
  expect(ways.standardFor(0)).toBe(0)
  ways.faulted({ kind: 'elsewhere' }, 60_000)
  expect(ways.standardFor(60_000), 'a minute later it is another restart').toBe(0)
  ways.faulted({ kind: 'elsewhere' }, 65_000)
  expect(ways.standardFor(65_000)).toBe(MINUTE)
})
