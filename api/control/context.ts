import type { Context } from 'koa'
import type { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { SpaceId } from '@odeon/common/ids.ts'
import type { Replica } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { parse } from '@odeon/common/parse.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { getSpace, unknownSpace, type Space } from '@odeon/common/space.ts'
import type { IceSettings } from './ice.ts'
import type { IngestClient } from './ingest-client.ts'
import type { RateLimit } from './rate-limit.ts'
import type { RoomStates } from './room-states.ts'
import type { Said } from './said.ts'
import type { Sampler } from './sampler.ts'
import type { SpaceList } from './space-list.ts'
import type { StageReader } from './stage-reader.ts'
import type { Tokens } from './tokens.ts'

/** What the routes share. */
export interface Deps {
  ports: Ports
  tokens: Tokens
  ingest: IngestClient
  spaces: SpaceList
  stages: StageReader
  rooms: RoomStates
  sampler: Sampler
  limit: RateLimit
  said: Said
  /** Undefined: speakers reach the ingest nodes without help. */
  ice: IceSettings | undefined
  logger: Logger
  /** By which a live space is transcoded. */
  replicas: readonly Replica[]
  /** Epoch ms. */
  now(): number
}

/** The parsed JSON body. Throws `unsupported_media_type` (415) or `bad_input` (400). */
export function body<T>(ctx: Context, schema: z.ZodType<T>): T {
  if (ctx.request.type !== 'application/json')
    // Not ctx.is(): it wants a length, which HTTP/2 need not give.
    throw new AppError(
      415,
      'unsupported_media_type',
      `The body must be application/json; it was ${ctx.get('content-type') || 'nothing'}.`,
    )
  return parse(schema, ctx.request.body, 'body')
}

/** Throws `bad_input` (400) or `unknown_space` (404). */
export async function loadSpace(
  ctx: Context & { params: Record<string, string> },
  { ports }: Deps,
): Promise<Space> {
  const id = spaceId(ctx)
  const space = await getSpace(ports.store, id)
  if (!space) throw unknownSpace(id)
  return space
}

export const spaceId = (ctx: { params: Record<string, string> }): string =>
  parse(SpaceId, ctx.params['id'], 'space id')

export function assertLive(space: Space): void {
  if (space.state === 'scheduled') throw new AppError(409, 'not_live', 'This space has not started yet.')
  if (space.state === 'ended') throw new AppError(409, 'already_ended', 'This space has ended.')
}
