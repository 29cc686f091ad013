import { afterAll, beforeAll, expect, test } from 'vitest'
import { faceKey, facePath } from '@odeon/common/face.ts'
import type { Objects } from '@odeon/common/ports.ts'
import { errorOf, openStudio, type Studio } from './harness.ts'

const ANA = 'anaanaanaana'
const FACE = 'face23456789'
let away = false
let studio: Studio
beforeAll(async () => {
  const wrapObjects = (objects: Objects): Objects => ({
    ...objects,
    get: (key) => (away ? Promise.reject(new Error('The store is away.')) : objects.get(key)),
  })
  studio = await openStudio({ wrapObjects })
  await studio.objects.put(faceKey(ANA, FACE), Buffer.from('RIFF....WEBP'), 'image/webp')
  await studio.objects.put('spaces/x/secret.webp', Buffer.from('secret'), 'image/webp')
})
afterAll(() => studio.close())

test('a face is handed out as a picture and nothing else, and kept by caches for minutes, so that what is taken away is soon gone', async () => {
  const { status, headers, body } = await studio.get(facePath(ANA, FACE))
  expect({ status, body: body.toString() }).toEqual({ status: 200, body: 'RIFF....WEBP' })
  expect(headers).toMatchObject({
    'content-type': 'image/webp',
    'content-length': '12',
    'cache-control': 'public, max-age=300',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
    'cross-origin-resource-policy': 'cross-origin',
  })
  expect((await studio.get(facePath(ANA, FACE), { method: 'HEAD' })).body.length).toBe(0)
})

test.each([
  facePath(ANA, 'face2345678x'),
  `/faces/${ANA}/${FACE}`,
  `/faces/${ANA}/${FACE}.webp/`,
  `/faces/${ANA}/../${ANA}/${FACE}.webp`,
  `/faces/..%2fspaces/x/secret.webp`,
  '/faces/../spaces/x/secret.webp',
  '/faces/',
])('%s is no face: 404, which no cache keeps', async (path) => {
  const reply = await studio.get(path)
  expect([reply.status, errorOf(reply)]).toEqual([404, 'no_face'])
  expect(reply.headers['cache-control']).toBe('public, max-age=0')
})

test('nothing is written there: 405', async () => {
  expect((await studio.get(facePath(ANA, FACE), { method: 'PUT' })).status).toBe(405)
})

test('a store that is away is 503, and the face is there again with it', async () => {
  away = true
  const reply = await studio.get(facePath(ANA, FACE))
  away = false
  expect([reply.status, errorOf(reply)]).toEqual([503, 'store_unavailable'])
  expect((await studio.get(facePath(ANA, FACE))).status).toBe(200)
})
