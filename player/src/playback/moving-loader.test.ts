import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Callbacks, Context, Loader, Stats } from './growing/loaders.ts'
import { movingLoader } from './moving-loader.ts'
import { Origins } from './origins.ts'

/** The loader of standard HLS with two real servers, over a plain one that behaves as hls.js's: it loads once, and says 0 when nobody answers. */

class FetchLoader implements Loader<Context> {
  context: Context | null = null
  stats: Stats = {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  }

  load(context: Context, _config: unknown, { onSuccess, onError }: Callbacks<Context>): void {
    if (this.stats.loading.start) throw new Error('Loader can only be used once.')
    this.stats.loading.start = performance.now()
    fetch(context.url).then(
      async (response) =>
        response.ok
          ? onSuccess(
              { url: response.url, data: await response.text(), code: 200 },
              this.stats,
              context,
              null,
            )
          : onError({ code: response.status, text: '' }, context, null, this.stats),
      (error: unknown) => onError({ code: 0, text: String(error) }, context, null, this.stats),
    )
  }
  abort(): void {}
  destroy(): void {}
}

let servers: Server[]
let urls: [string, string]
beforeEach(async () => {
  servers = [0, 1].map((n) =>
    createServer((request, response) => {
      if (request.url === '/none') response.writeHead(404)
      response.end(String(n))
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

/** What hls.js is told: the body, or the error's code. */
function load(origins: Origins, path: string): Promise<string | number> {
  const Moving = movingLoader(FetchLoader, origins)
  const loader = new Moving({})
  const { stats } = loader
  return new Promise((resolve) =>
    loader.load(
      { url: `${urls[0]}${path}` },
      {},
      {
        onSuccess: ({ data }, told) =>
          resolve(told === stats ? (data as string) : 'other stats than those it has'),
        onError: ({ code }) => resolve(code),
      },
    ),
  )
}

test('the next server is asked at once, and hls.js hears of nothing', async () => {
  const origins = new Origins({ origins: urls, fetch })
  expect(await load(origins, '/x')).toBe('0')
  await stop(0)
  expect(await load(origins, '/x')).toBe('1')
  expect(await load(origins, '/x')).toBe('1')
  expect(origins.changes).toBe(1)
})

test('what a server refuses is told, and nobody else is asked', async () => {
  const origins = new Origins({ origins: urls, fetch })
  expect(await load(origins, '/none')).toBe(404)
  expect(origins.changes).toBe(0)
})

test('when all are gone hls.js is told, and pauses as it does', async () => {
  const origins = new Origins({ origins: urls, fetch })
  await Promise.all([stop(0), stop(1)])
  expect(await load(origins, '/x')).toBe(0)
})

test('where there is one server, it is hls.js’s own loader', () => {
  expect(movingLoader(FetchLoader, new Origins({ origins: [urls[0]], fetch }))).toBe(FetchLoader)
})
