import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Origins } from './origins.ts'

/** Two real servers, either of which may be gone. */

let servers: Server[]
let urls: [string, string]
beforeEach(async () => {
  servers = [0, 1].map((n) =>
    createServer((request, response) => {
      if (request.url === '/away') response.writeHead(502).end()
      else if (request.url === '/later') response.writeHead(503).end()
      else response.end(String(n))
    }),
  )
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))))
  urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`) as typeof urls
})
afterEach(() => Promise.all([stop(0), stop(1)]))

function stop(n: number): Promise<unknown> {
  servers[n]!.closeAllConnections()
  return new Promise((done) => servers[n]!.close(done))
}
const open = (): Origins => new Origins({ origins: urls, fetch })
const textOf = async (origins: Origins, path: string): Promise<string> =>
  (await origins.fetch(`${urls[0]}${path}`)).text()

test('the first server is asked as long as it answers, also when it says "later"', async () => {
  const origins = open()
  expect(await textOf(origins, '/x')).toBe('0')
  expect((await origins.fetch(`${urls[0]}/later`)).status).toBe(503)
  expect(await textOf(origins, '/x')).toBe('0')
})

test('when nobody is there the next one is asked at once, and from then on', async () => {
  const origins = open()
  await stop(0)
  expect(await textOf(origins, '/x')).toBe('1')
  expect(origins.address(`${urls[0]}/live/a.m4s?x=1`)).toBe(`${urls[1]}/live/a.m4s?x=1`)
  expect(origins.changes).toBe(1)
})

test('a proxy with nobody behind it counts as nobody', async () => {
  const origins = open()
  expect((await origins.fetch(`${urls[0]}/away`)).status).toBe(502) // The other one says so too.
  expect(origins.changes).toBe(1)
})

test('when all are gone the last error is told, each having been asked once', async () => {
  const origins = open()
  await Promise.all([stop(0), stop(1)])
  await expect(textOf(origins, '/x')).rejects.toThrow()
  expect(origins.changes).toBe(2)
})

test('two requests that were lost with one server move on by one server, not by two', () => {
  const origins = open()
  origins.failed(`${urls[0]}/1.m4s`)
  origins.failed(`${urls[0]}/2.m4s`)
  expect(origins.address(`${urls[0]}/3.m4s`)).toBe(`${urls[1]}/3.m4s`)
})

test('what somebody stops waiting for is no fault of the server', async () => {
  const origins = open()
  await expect(origins.fetch(`${urls[0]}/x`, { signal: AbortSignal.abort() })).rejects.toThrow()
  expect(origins.changes).toBe(0)
})

test('an address of somebody else stays as it is', () => {
  expect(open().address('https://elsewhere.example.org/x')).toBe('https://elsewhere.example.org/x')
})
