import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { Answer, type Offer, type OpenSpace } from '@odeon/common/internal.ts'

/** Hands WHIP to the ingest node that mixes a space; the shapes are in `common/internal.ts`. */
export interface IngestClient {
  open(space: string, body: OpenSpace): Promise<void>
  join(space: string, offer: Offer): Promise<Answer>
  trickle(space: string, session: string, fragment: string): Promise<void>
  leave(space: string, session: string): Promise<void>
}

export interface IngestClientOptions {
  /** The internal address of the space's owner, `http://host:port`. */
  ingestFor(space: string): Promise<string>
  secret: string
}

const TIMEOUT_MS = 10_000
const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** Every call throws what the node answered, or `ingest_unreachable` (503). */
export function createIngestClient({ ingestFor, secret }: IngestClientOptions): IngestClient {
  const call = async (space: string, method: string, path: string, body?: unknown): Promise<unknown> => {
    let status: number
    let text: string
    try {
      const response = await fetch(`${await ingestFor(space)}/spaces/${space}${path}`, {
        method,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      status = response.status
      text = await response.text()
    } catch (cause) {
      throw new AppError(
        503,
        'ingest_unreachable',
        'The stage can’t be reached right now. Try again in a moment.',
        {
          cause,
        },
      )
    }
    const answer = text ? (JSON.parse(text) as unknown) : undefined
    if (status < 400) return answer
    const failure = Failure.safeParse(answer)
    throw failure.success
      ? new AppError(status, failure.data.error.code, failure.data.error.message)
      : new AppError(502, 'ingest_failed', `The ingest node answered ${status}.`)
  }
  return {
    open: async (space, body) => void (await call(space, 'PUT', '', body)),
    join: async (space, offer) => Answer.parse(await call(space, 'POST', '/sessions', offer)),
    trickle: async (space, session, fragment) =>
      void (await call(space, 'PATCH', `/sessions/${session}`, { fragment })),
    leave: async (space, session) => void (await call(space, 'DELETE', `/sessions/${session}`)),
  }
}
