import type { Context } from 'koa'
import { AppError } from '@odeon/common/errors.ts'

export interface UploadOptions {
  /** Of one body. */
  maxBytes: number
  /** Bodies in memory at once, on this node. */
  most: number
  /** Until the last byte is here. */
  maxMs: number
}

/** Bodies that are read whole. */
export interface Uploads {
  /** Hands the body to `use`. Throws `too_large` (413), `too_slow` (408), `uploads_full` (503) when so many are here already, and what `use` throws. */
  receive<T>(ctx: Context, use: (body: Buffer) => Promise<T>): Promise<T>
}

export function createUploads({ maxBytes, most, maxMs }: UploadOptions): Uploads {
  let now = 0
  return {
    async receive(ctx, use) {
      if (ctx.req.readableEnded || ctx.get('content-encoding')) {
        const came = ctx.get('content-encoding') || ctx.get('content-type')
        throw new AppError(415, 'unsupported_media_type', `The body can’t be taken as it came: ${came}.`)
      }
      if (Number(ctx.get('content-length')) > maxBytes) throw tooLarge(maxBytes)
      if (now >= most)
        throw new AppError(503, 'uploads_full', 'Many are sending something. Try again in a moment.')
      now++
      try {
        return await use(await read(ctx.req, maxBytes, maxMs))
      } finally {
        now--
      }
    },
  }
}

function read(request: Context['req'], maxBytes: number, maxMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    const refuse = (error: AppError): void => {
      clearTimeout(timer)
      pieces.length = 0
      request.off('data', take).resume() // The rest goes nowhere, and the client reads the answer.
      reject(error)
    }
    const take = (piece: Buffer): void => {
      pieces.push(piece)
      if ((bytes += piece.length) > maxBytes) refuse(tooLarge(maxBytes))
    }
    const timer = setTimeout(
      () => refuse(new AppError(408, 'too_slow', `The body did not come within ${maxMs / 1000} s.`)),
      maxMs,
    )
    request.on('data', take).once('end', () => resolve(Buffer.concat(pieces)))
    request.once('error', () => {}) // It closes after that.
    request.once('close', () => refuse(new AppError(400, 'broken_off', 'The body was broken off.')))
  })
}

const tooLarge = (maxBytes: number): AppError =>
  new AppError(413, 'too_large', `The body is too large: ${maxBytes / 1024 / 1024} MB at most.`)
