import { existsSync } from 'node:fs'
import { join } from 'node:path'
import sirv from 'sirv'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '@odeon/common/errors.ts'
import { sendError, type Handler } from './server.ts'

/** The player may load nothing from anywhere else, and tells nobody the address it was opened with (it may hold an invitation). */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** The built player: hashed files for ever, every other path the page itself. Throws `no_player` when it was never built. */
export function createPages(folder: string): Handler {
  if (!existsSync(join(folder, 'index.html')))
    throw new AppError(500, 'no_player', `The player is not built (${folder} is missing). Run: npm run build`)
  const serve = sirv(folder, {
    single: true,
    gzip: true,
    etag: true,
    setHeaders: (response, path) => {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
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
    serve(request as IncomingMessage, response as ServerResponse, () => {
      sendError(response, new AppError(404, 'not_found', `There is nothing at ${request.url}.`))
    })
  }
}
