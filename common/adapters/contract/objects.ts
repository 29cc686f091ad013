import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Objects } from '../../ports.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (body: Uint8Array | undefined): string | undefined => body && new TextDecoder().decode(body)

/** What every adapter of `Objects` must do. */
export function describeObjects(name: string, open: () => Promise<Objects>): void {
  describe(`Objects, ${name}`, () => {
    let objects: Objects
    beforeEach(async () => void (objects = await open()))
    afterEach(() => objects.close())

    test('what was put is got, whole or by range', async () => {
      await objects.put('spaces/a/aac/0.m4s', bytes('0123456789'), 'audio/mp4')
      expect(text(await objects.get('spaces/a/aac/0.m4s'))).toBe('0123456789')
      expect(text(await objects.get('spaces/a/aac/0.m4s', { start: 2, end: 4 }))).toBe('234')
      expect(text(await objects.get('spaces/a/aac/0.m4s', { start: 8, end: 99 }))).toBe('89')
    })

    test('a second put replaces the first', async () => {
      await objects.put('k', bytes('one'), 'text/plain')
      await objects.put('k', bytes('two'), 'text/plain')
      expect(text(await objects.get('k'))).toBe('two')
    })

    test('what is not there is undefined, and deleting it is no error', async () => {
      expect(await objects.get('spaces/a/nothing')).toBeUndefined()
      expect(await objects.get('spaces')).toBeUndefined()
      await objects.delete('spaces/a/nothing')
    })

    test('objects are listed by prefix with their sizes', async () => {
      for (const key of [
        'spaces/a/aac/10.m4s',
        'spaces/a/aac/9.m4s',
        'spaces/a/archive.json',
        'spaces/ab/aac/0.m4s',
      ])
        await objects.put(key, bytes(key), 'audio/mp4')
      const list = async (prefix: string): Promise<string[]> =>
        (await objects.list(prefix)).map((found) => found.key).toSorted()
      expect(await list('spaces/a/aac/')).toEqual(['spaces/a/aac/10.m4s', 'spaces/a/aac/9.m4s'])
      expect(await list('spaces/a/')).toHaveLength(3)
      expect(await list('nowhere/')).toEqual([])
      expect((await objects.list('spaces/a/aac/9'))[0]).toEqual({ key: 'spaces/a/aac/9.m4s', size: 18 })
      await objects.delete('spaces/a/aac/9.m4s')
      expect(await list('spaces/a/aac/')).toEqual(['spaces/a/aac/10.m4s'])
    })

    test.each(['../secret', 'a/../../b', '/etc/passwd', 'a//b', '', 'a/', '.hidden', 'a\\b', 'a\0b'])(
      'the key %j is refused',
      async (key) => {
        await expect(objects.put(key, bytes('x'), 'text/plain')).rejects.toMatchObject({ code: 'bad_key' })
        await expect(objects.get(key)).rejects.toMatchObject({ code: 'bad_key' })
      },
    )
  })
}
