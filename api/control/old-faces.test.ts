import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { FACE_PREFIX, faceDocumentKey, faceKey, newFace, type FaceDocument } from '@odeon/common/face.ts'
import { createLogger } from '@odeon/common/logger.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { superviseSpaces } from './janitor.ts'
import { createFaceSweep, FACE_LIFE_MS } from './old-faces.ts'

const START = 1_790_000_000_000
const logger = createLogger('silent')
let folder: string
let ports: Ports
let now: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odeon-faces-'))
  ports = await openEmbeddedPorts({ folder, logger })
  now = START
})
afterEach(async () => {
  await Promise.all([ports.jobs.close(), ports.log.close(), ports.objects.close()])
  await ports.store.close()
  rmSync(folder, { recursive: true })
})

/** Somebody who was seen with his face at `at`; its key. */
async function person(user: string, at = now): Promise<string> {
  const document: FaceDocument = { face: newFace(), at }
  const key = faceKey(user, document.face!)
  await ports.objects.put(key, new Uint8Array(9), 'image/webp')
  await ports.store.put(faceDocumentKey(user), document, 0)
  return key
}
const there = async () => (await ports.objects.list(FACE_PREFIX)).map(({ key }) => key)
const sweep = (most?: number) => createFaceSweep({ ports, now: () => now, ...(most && { most }) })

test('a face goes when its owner was not seen with it for a year, and what is known of him with it', async () => {
  await person('anaanaana', START - FACE_LIFE_MS - 1)
  const ben = await person('benbenben', START - FACE_LIFE_MS + 1)
  expect(await sweep()()).toBe(1)
  expect(await there()).toEqual([ben])
  expect(await ports.store.get(faceDocumentKey('anaanaana'))).toBeUndefined()
})

test('of too many, those not seen for longest go', async () => {
  const keys: string[] = []
  for (let n = 0; n < 5; n++) keys.push(await person(`someone${n}`, START - n))
  await sweep(3)()
  expect(await there()).toEqual(keys.slice(0, 3))
})

test('a picture that is nobody’s goes at the second look: at the first it may be on its way to somebody', async () => {
  const ana = await person('anaanaana')
  const stray = faceKey('anaanaana', newFace())
  await ports.objects.put(stray, new Uint8Array(9), 'image/webp')
  const look = sweep()
  expect(await look()).toBe(0)
  expect(await there()).toHaveLength(2)
  expect(await look()).toBe(1)
  expect(await there()).toEqual([ana])
})

test('the janitor looks once an hour', async () => {
  const janitor = superviseSpaces({ ports, logger, logIsDurable: true, now: () => now, everyMs: 3600_000 })
  await person('anaanaana', START - FACE_LIFE_MS)
  await janitor.sweep()
  now += 3599_000
  await janitor.sweep()
  expect(await there()).toHaveLength(1)
  now += 1000
  await janitor.sweep()
  expect(await there()).toEqual([])
  await janitor.close()
})
