import { z } from 'zod'
import { AppError } from '@odeon/common/errors.ts'
import { Answer, FragmentAnswer, type Offer, type OpenSpace } from '@odeon/common/internal.ts'

/** Hands WHIP to the ingest node that mixes a space; the shapes are in `common/internal.ts`. */
export interface IngestClient {
  open(space: string, body: OpenSpace): Promise<void>
  join(space: string, offer: Offer): Promise<Answer>
  /** The server's fragment after an ICE restart, undefined where nothing has to be answered. */
  trickle(space: string, session: string, fragment: string): Promise<string | undefined>
  leave(space: string, session: string): Promise<void>
}

export interface IngestClientOptions {
  /** The internal address of the space's owner, `http://host:port`. */
  ingestFor(space: string): Promise<string>
  secret: string
}

const TIMEOUT_MS = 10_000
const NO_ROOM = ['too_many_spaces', 'stopping']
/** Tried for one new space. */
const MOST_NODES = 3
const Nothing = z.unknown().transform((): void => undefined)
const MaybeFragment = FragmentAnswer.optional()
const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** Every call throws what the node refused, `ingest_unreachable` (503), or `ingest_failed` (502) for an answer that makes no sense. */
export function createIngestClient({ ingestFor, secret }: IngestClientOptions): IngestClient {
  const call = async <T>(
    space: string,
    method: string,
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
  ): Promise<T> => {
    let status: number
    let text: string
    const node = await ingestFor(space)
    try {
      const response = await fetch(`${node}/spaces/${space}${path}`, {
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
    const answer = parseJson(text)
    if (status < 400) {
      const parsed = schema.safeParse(answer)
      if (parsed.success) return parsed.data
      throw failed(`The ingest node answered ${method} with something else than was agreed.`, parsed.error)
    }
    const failure = Failure.safeParse(answer)
    // 401 is between the node and us: told so, a client would throw its own good token away.
    if (!failure.success || status === 401) throw failed(`The ingest node answered ${method} with ${status}.`)
    throw new AppError(status, failure.data.error.code, failure.data.error.message)
  }
  return {
    async open(space, body) {
      for (let tries = MOST_NODES; ; tries--) {
        const node = await ingestFor(space)
        try {
          return await call(space, 'PUT', '', body, Nothing)
        } catch (error) {
          // It filled up, or stops, since it was chosen. By now it has said so, and another is chosen if there is one.
          const moved = error instanceof AppError && NO_ROOM.includes(error.code)
          if (!moved || tries <= 1 || (await ingestFor(space)) === node) throw error
        }
      }
    },
    async join(space, offer) {
      const answer = await call(space, 'POST', '/sessions', offer, Answer)
      if (!isSessionOf(answer.session, offer.speaker.id))
        throw failed(`The ingest node named a session "${answer.session}"; wanted: <user>-<random>.`)
      return answer
    },
    trickle: async (space, session, fragment) =>
      (await call(space, 'PATCH', `/sessions/${session}`, { fragment }, MaybeFragment))?.fragment,
    leave: (space, session) => call(space, 'DELETE', `/sessions/${session}`, undefined, Nothing),
  }
}

const SESSION = /^([a-z0-9]{8,32})-[a-z0-9]{8,32}$/

export const isSession = (session: string): boolean => SESSION.test(session)

/** A session is named `<user>-<random>`, so that a foreign token is told from the right one without keeping anything. */
export const isSessionOf = (session: string, userId: string): boolean => SESSION.exec(session)?.[1] === userId

const failed = (message: string, cause?: unknown): AppError =>
  new AppError(502, 'ingest_failed', message, { cause })

/** Undefined for no text, or none that is JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
