import { expect, test } from 'vitest'
import { namesOf, parseRedisUrl } from './address.ts'

test('one address is one Redis: host, port, user, password, database, TLS', () => {
  expect(parseRedisUrl('redis://localhost')).toEqual({
    cluster: false,
    nodes: [{ host: 'localhost', port: 6379 }],
    username: undefined,
    password: undefined,
    tls: false,
    database: 0,
  })
  expect(parseRedisUrl('rediss://ana:s%40fe@[::1]:6380/2')).toEqual({
    cluster: false,
    nodes: [{ host: '::1', port: 6380 }],
    username: 'ana',
    password: 's@fe',
    tls: true,
    database: 2,
  })
})

test.each(['redis-cluster://:x@a:1,b:2,c', 'redis://:x@a:1,redis://b:2,redis://c', 'redis://:x@a:1, b:2, c'])(
  'several addresses, or the word cluster, are a cluster: %s',
  (url) => {
    const address = parseRedisUrl(url)
    expect(address).toMatchObject({ cluster: true, password: 'x' })
    expect(namesOf(address)).toBe('a:1, b:2, c:6379')
  },
)

test.each([
  '',
  'http://h',
  'redis://',
  'redis://h:99999',
  'redis://h/x',
  'redis-cluster://h:1/3',
  'redis://h, ',
])('what is no address is refused with what was wanted: %j', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(/REDIS_URL can't be used: .*wanted: redis:/)
})

test('a wrong address is refused without the password in it', () => {
  expect(() => parseRedisUrl('http://:secret@h')).toThrow(/^(?!.*secret)/)
})
