import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FIRST, type EntryId, type Log } from '../../ports.ts'

const id = (major: number, minor: number): EntryId => ({ major, minor })
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** What every adapter of `Log` must do. */
export function describeLog(name: string, open: () => Promise<Log>): void {
  describe(`Log, ${name}`, () => {
    let log: Log
    beforeEach(async () => void (log = await open()))
    afterEach(() => log.close())

    test('entries come back in order, with their ids and bytes', async () => {
      await log.append('k', id(1, 1), bytes(1, 2))
      await log.append('k', id(1, 2), bytes())
      await log.append('k', id(2, 1), bytes(255))
      const entries = await log.read('k', FIRST)
      expect(entries.map((entry) => entry.id)).toEqual([id(1, 1), id(1, 2), id(2, 1)])
      expect(entries.map((entry) => [...entry.body])).toEqual([[1, 2], [], [255]])
      expect((await log.read('k', id(1, 1), { limit: 1 })).map((entry) => entry.id)).toEqual([id(1, 2)])
      expect((await log.newest('k'))?.id).toEqual(id(2, 1))
    })

    test('an id that is not above the newest is refused: written once, and fenced by a higher epoch', async () => {
      expect(await log.append('k', id(1, 5), bytes(1))).toBe('written')
      expect(await log.append('k', id(1, 5), bytes(2))).toBe('refused')
      expect(await log.append('k', id(1, 4), bytes(2))).toBe('refused')
      expect(await log.append('k', id(2, 0), bytes(3))).toBe('written')
      expect(await log.append('k', id(1, 6), bytes(2))).toBe('refused')
      expect(await log.append('k', id(2, 6), bytes(4))).toBe('written')
      expect((await log.read('k', FIRST)).map((entry) => entry.body[0])).toEqual([1, 3, 4])
    })

    test('of two writers of one id, one has written it', async () => {
      const answers = await Promise.all([1, 2, 3].map((n) => log.append('k', id(7, 1), bytes(n))))
      expect(answers.toSorted()).toEqual(['refused', 'refused', 'written'])
      expect(await log.read('k', FIRST)).toHaveLength(1)
    })

    test('an id that the log chooses is above all others', async () => {
      const first = await log.add('inbox', bytes(1))
      const second = await log.add('inbox', bytes(2))
      expect((await log.read('inbox', first)).map((entry) => entry.id)).toEqual([second])
    })

    test('a reader that waits gets the entry when it is written, and so do all who wait', async () => {
      const readers = [1, 2, 3].map(() => log.read('new', FIRST, { waitMs: 10_000 }))
      await log.append('new', id(1, 1), bytes(9))
      for (const entries of await Promise.all(readers))
        expect(entries.map((entry) => entry.body[0])).toEqual([9])
    })

    test('a wait ends without entries when its time is over or it is aborted', async () => {
      expect(await log.read('empty', FIRST, { waitMs: 20 })).toEqual([])
      const abort = new AbortController()
      const waiting = log.read('empty', FIRST, { waitMs: 60_000, signal: abort.signal })
      abort.abort()
      expect(await waiting).toEqual([])
    })

    test('a trim drops what is older, keeps the newest, and the fence stays', async () => {
      for (let n = 1; n <= 5; n++) await log.append('k', id(1, n), bytes(n))
      await log.trim('k', id(1, 4))
      expect((await log.read('k', FIRST)).map((entry) => entry.body[0])).toEqual([4, 5])
      await log.trim('k', id(9, 9))
      expect((await log.newest('k'))?.body[0]).toBe(5)
      expect(await log.append('k', id(1, 2), bytes(0))).toBe('refused')
    })

    test('a log that expires is gone', async () => {
      await log.append('k', id(1, 1), bytes(1))
      await log.expire('k', 1)
      await expect.poll(() => log.newest('k')).toBeUndefined()
    })

    test('who waits when a log expires gets what is written anew', async () => {
      await log.append('k', id(1, 1), bytes(1))
      const waiting = log.read('k', id(1, 1), { waitMs: 10_000 })
      await log.expire('k', 1)
      await expect.poll(() => log.newest('k')).toBeUndefined()
      await log.append('k', id(2, 1), bytes(2))
      expect((await waiting).map((entry) => entry.body[0])).toEqual([2])
    })

    test('logs do not know each other', async () => {
      await log.append('a', id(5, 1), bytes(1))
      expect(await log.append('b', id(1, 1), bytes(2))).toBe('written')
      expect(await log.newest('c')).toBeUndefined()
    })

    test('a long log is read in pages without a gap', async () => {
      for (let n = 1; n <= 2500; n++) await log.append('long', id(1, n), bytes(n & 255))
      await log.trim('long', id(1, 1201))
      let after: EntryId = FIRST
      const seen: number[] = []
      for (;;) {
        const page = await log.read('long', after, { limit: 300 })
        if (page.length === 0) break
        seen.push(...page.map((entry) => entry.id.minor))
        after = page.at(-1)!.id
      }
      expect(seen).toEqual(Array.from({ length: 1300 }, (_, n) => 1201 + n))
    })
  })
}
