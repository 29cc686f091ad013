import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../ports.ts'

/** What every adapter of `Store` must do. Leases are tested with short lives. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`Store, ${name}`, () => {
    let store: Store
    beforeEach(async () => void (store = await open()))
    afterEach(() => store.close())

    test('a document is replaced only by who names its version', async () => {
      expect(await store.get('d')).toBeUndefined()
      expect(await store.put('d', { a: 1 }, 0)).toBe(1)
      expect(await store.put('d', { a: 2 }, 0)).toBe('conflict')
      expect(await store.put('d', { a: 2 }, 1)).toBe(2)
      expect(await store.put('d', { a: 3 }, 1)).toBe('conflict')
      expect(await store.get('d')).toEqual({ key: 'd', value: { a: 2 }, version: 2 })
      await store.delete('d')
      expect(await store.get('d')).toBeUndefined()
    })

    test('of many who change one version at once, one wins', async () => {
      await store.put('d', 0, 0)
      const answers = await Promise.all([1, 2, 3, 4].map((n) => store.put('d', n, 1)))
      expect(answers.filter((answer) => answer === 2)).toHaveLength(1)
    })

    test('documents are listed by the beginning of their key, in order', async () => {
      for (const key of ['space:{b}', 'invite:{x}', 'space:{a}', 'space:{é}'])
        await store.put(key, { key }, 0)
      expect((await store.list('space:{')).map((document) => document.key)).toEqual([
        'space:{a}',
        'space:{b}',
        'space:{é}',
      ])
    })

    test('a lease has one holder, and each new one a larger epoch', async () => {
      const first = await store.acquire('l', 'ana', 60_000)
      expect(first).toMatchObject({ owner: 'ana' })
      expect(await store.acquire('l', 'ben', 60_000)).toBeUndefined()
      expect(await store.acquire('l', 'ana', 60_000)).toBeUndefined()
      expect(await store.renew(first!, 60_000)).toBe(true)
      expect(await store.holder('l')).toEqual(first)
      await store.release(first!)
      expect(await store.holder('l')).toBeUndefined()
      expect(await store.renew(first!, 60_000)).toBe(false)
      const second = await store.acquire('l', 'ben', 60_000)
      expect(second!.epoch).toBeGreaterThan(first!.epoch)
      await store.release(first!) // Too late: it is not hers any more.
      expect(await store.holder('l')).toEqual(second)
    })

    test('a lease that is not renewed runs out, and can’t be renewed after that', async () => {
      const lease = await store.acquire('l', 'ana', 20)
      await expect.poll(() => store.holder('l')).toBeUndefined()
      expect(await store.renew(lease!, 60_000)).toBe(false)
      expect((await store.acquire('l', 'ben', 60_000))!.epoch).toBeGreaterThan(lease!.epoch)
    })

    test('a counter counts, and forgets after its time', async () => {
      expect(await store.increment('c', 1, 60_000)).toBe(1)
      expect(await store.increment('c', 2, 60_000)).toBe(3)
      await store.increment('short', 5, 20)
      await expect.poll(() => store.increment('short', 0, 20)).toBe(0)
    })
  })
}
