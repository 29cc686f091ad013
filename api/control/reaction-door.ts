import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { SpaceId } from '@odeon/common/ids.ts'
import { parse } from '@odeon/common/parse.ts'
import { MAX_COUNT, Reaction } from '@odeon/common/posts.ts'
import { unknownSpace } from '@odeon/common/space.ts'
import type { Request } from '../server.ts'
import { tooFast } from './buckets.ts'
import { assertLive, type Deps } from './context.ts'
import { assertMay } from './rules.ts'
import { bearerOf, type User } from './tokens.ts'

const React = z.object({ emoji: Reaction, count: z.number().int().min(1).max(MAX_COUNT).default(1) })

/** Takes a reaction. Nothing here asks the store or the log for one of them. Throws AppError. */
export async function react({ said }: Deps, user: User, space: string, body: unknown): Promise<void> {
  const { emoji, count } = parse(React, body, 'body')
  if (!said.reactions.take(user.id, count)) throw tooFast()
  const document = await said.spaces(parse(SpaceId, space, 'space id'))
  if (!document) throw unknownSpace(space)
  assertMay(document, user.id, 'react')
  assertLive(document)
  said.counter.add(space, emoji, count)
}

const PATH = /^\/api\/spaces\/([^/?]+)\/reactions$/
const MAX_BYTES = 256

/**
 * The way in for the thousands: a request as our page sends it is read without router and body parser, which cost several times what is done
 * here. Undefined for any other, which takes the route of the same name.
 */
export function reactionDoor(deps: Deps, request: Request): (() => Promise<void>) | undefined {
  const { method, url = '', headers } = request
  const space = method === 'POST' ? PATH.exec(url)?.[1] : undefined
  if (space === undefined || headers['content-encoding'] !== undefined) return undefined
  if (headers['content-type'] !== 'application/json') return undefined
  if (!(Number(headers['content-length']) <= MAX_BYTES)) return undefined
  return async () => {
    const text = textOf(request) // At once: what has come may be lost later.
    const user = await deps.tokens.verify(bearerOf(headers.authorization))
    await react(deps, user, space, json(await text))
  }
}

/** As long as its `content-length`, which node holds it to. */
const textOf = (request: Request): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => (text += part))
    request.on('end', () => resolve(text))
    request.on('close', () => reject(new AppError(400, 'bad_json', 'The request was cut short.')))
    request.on('error', reject)
  })

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError(400, 'bad_json', 'The body is not JSON.', { cause })
  }
}
