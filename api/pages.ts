import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sirv from 'sirv'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '@odeon/common/errors.ts'
import { sendError, type Handler } from './server.ts'

/** The player may load nothing from anywhere else but sound, and tells nobody the address it was opened with (it may hold an invitation). */
const headersFor = (origins: readonly string[]): Record<string, string> => ({
  'content-security-policy': [
    "default-src 'self'",
    ['connect-src', "'self'", ...origins].join(' '),
    ['media-src', "'self'", 'blob:', ...origins].join(' '),
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
})

export interface PagesOptions {
  /** Where the player was built to. */
  folder: string
  /** Where sound may come from beside the server that the page came from: `https://host:port`. */
  origins?: readonly string[]
}

/** The page asks for its scripts by itself; a space's are others than the front's (`player/vite.config.ts`). */
const PAGES = ['index.html', 'space.html'] as const
type Page = (typeof PAGES)[number]
const pageAt = (path: string): Page => (/^\/(s\/|space\.html$)/.test(path) ? 'space.html' : 'index.html')

/** The built player: hashed files for ever, every other path a page. Throws `no_player` when it was never built. */
export function createPages({ folder, origins = [] }: PagesOptions): Handler {
  if (!PAGES.every((page) => existsSync(join(folder, page))))
    throw new AppError(
      500,
      'no_player',
      `The player is not built (in ${folder}), or is old. Run: npm run build`,
    )
  const headers = headersFor(origins)
  const named = origins.length > 0 ? pagesNaming(origins, folder) : undefined
  const serve = sirv(folder, {
    brotli: true,
    gzip: true,
    etag: true,
    setHeaders: (response, path) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      response.setHeader(
        'cache-control',
        path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    },
  })
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const error = new AppError(405, 'method_not_allowed', `${request.method} is not possible here; GET is.`)
      return sendError(response, error, { allow: 'GET, HEAD' })
    }
    const missing = (): void =>
      sendError(response, new AppError(404, 'not_found', `There is nothing at ${request.url}.`))
    const [plain, path] = [response as ServerResponse, (request.url ?? '/').split('?')[0]!]
    const isFile =
      path.startsWith('/.well-known/') || (/\.\w+$/.test(path) && !PAGES.includes(path.slice(1) as Page))
    if (isFile) return serve(request as IncomingMessage, plain, missing)
    const page = pageAt(path)
    if (!named) {
      request.url = `/${page}`
      return serve(request as IncomingMessage, plain, missing)
    }
    plain.writeHead(200, {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
    })
    plain.end(request.method === 'HEAD' ? undefined : named[page])
  }
}

/** The pages with the names of other servers in them, so that they know them before they need them. */
function pagesNaming(origins: readonly string[], folder: string): Record<Page, string> {
  const naming = (page: Page): string =>
    readFileSync(join(folder, page), 'utf8').replace(
      '<meta name="color-scheme"',
      `<meta name="odeon-origins" content="${origins.join(' ')}" />\n    $&`,
    )
  return { 'index.html': naming('index.html'), 'space.html': naming('space.html') }
}
