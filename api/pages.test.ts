import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPages } from './pages.ts'

/** A built player as far as the server knows it. */
let folder: string
const script = 'console.log("a script")'
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odeon-pages-'))
  await mkdir(join(folder, 'assets'))
  const page = (name: string): string => `<head><meta name="color-scheme" /><title>${name}</title></head>`
  await writeFile(join(folder, 'index.html'), page('front'))
  await writeFile(join(folder, 'space.html'), page('space'))
  await writeFile(join(folder, 'assets/index-abc.js'), script)
  await writeFile(join(folder, 'assets/index-abc.js.br'), brotliCompressSync(script))
})
afterAll(() => rm(folder, { recursive: true }))

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

async function ask(
  path: string,
  { origins = [] as string[], method = 'GET', accept = '' } = {},
): Promise<Answer> {
  const server = createServer(createPages({ folder, origins })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const headers = { 'accept-encoding': accept, connection: 'close' }
  const request = get({ host: '127.0.0.1', port, path, method, headers })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const body = Buffer.concat(await response.toArray())
  server.close()
  return { status: response.statusCode!, headers: response.headers, body }
}

const title = ({ body }: Answer): string | undefined => /<title>(.*)<\/title>/.exec(String(body))?.[1]

test('a space has a page of its own, every other path the front’s, and neither is kept without asking', async () => {
  for (const origins of [[], ['https://other.example:8443']]) {
    for (const [path, wanted] of [
      ['/s/abcdefghij', 'space'],
      ['/s/abcdefghij?invite=xyz', 'space'],
      ['/', 'front'],
      ['/index.html', 'front'],
      ['/space.html', 'space'],
      ['/nowhere/at-all', 'front'],
    ] as const) {
      const answer = await ask(path, { origins })
      expect([path, answer.status, title(answer)]).toEqual([path, 200, wanted])
      expect(answer.headers['cache-control']).toBe('no-cache')
      expect(answer.headers['content-security-policy']).toContain("default-src 'self'")
    }
  }
})

test('where sound may come from elsewhere, each page says it before any script runs', async () => {
  const origins = ['https://a.example', 'https://b.example']
  for (const path of ['/', '/s/abcdefghij']) {
    const answer = await ask(path, { origins })
    expect(String(answer.body)).toContain(
      '<meta name="odeon-origins" content="https://a.example https://b.example" />',
    )
    expect(answer.headers['content-security-policy']).toContain(`connect-src 'self' ${origins.join(' ')}`)
  }
})

test('a script is kept for ever, and comes in as few bytes as its browser can read', async () => {
  const plain = await ask('/assets/index-abc.js')
  expect(String(plain.body)).toBe(script)
  expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const small = await ask('/assets/index-abc.js', { accept: 'gzip, br' })
  expect(small.headers['content-encoding']).toBe('br')
  expect(String(brotliDecompressSync(small.body))).toBe(script)
})

test('a file that is not there is 404, not a page; and nothing is posted here', async () => {
  for (const path of ['/assets/of-an-older-build.js', '/missing.html', '/.well-known/nothing']) {
    const { status, body } = await ask(path)
    expect([status, JSON.parse(String(body))]).toMatchObject([404, { error: { code: 'not_found' } }])
  }
  const posted = await ask('/', { method: 'POST' })
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD'])
})

test('a player that was never built, or has not all its pages, is told in a sentence that says what to run', () => {
  expect(() => createPages({ folder: join(folder, 'nowhere') })).toThrow(/Run: npm run build/)
  expect(() => createPages({ folder: join(folder, 'assets') })).toThrow(/Run: npm run build/)
})
