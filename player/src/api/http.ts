import * as z from 'zod/mini'

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** What the server said no with; `status` 0 and code `unreachable` when it said nothing. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }

  /** Asking again may help: the server is away or busy. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

export interface Call {
  method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON; text as SDP. */
  body?: unknown
  token?: string | undefined
  signal?: AbortSignal
  /** The page may be gone before the answer. */
  keepalive?: boolean
}

const TIMEOUT_MS = 10_000

/** Throws `ApiError`; an abort by the caller stays an abort. */
export async function call(
  path: string,
  { method = 'GET', body, token, signal, keepalive }: Call = {},
): Promise<Response> {
  const headers = new Headers()
  if (token) headers.set('authorization', `Bearer ${token}`)
  if (body !== undefined)
    headers.set('content-type', typeof body === 'string' ? 'application/sdp' : 'application/json')
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(keepalive && { keepalive }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'unreachable', 'The server can’t be reached.', { cause })
  }
  if (response.ok) return response
  const failure = Failure.safeParse(await response.json().catch(() => undefined)).data
  throw new ApiError(
    response.status,
    failure?.error.code ?? 'unknown',
    failure?.error.message ?? response.statusText,
  )
}

/** The body of an answer. Throws `ApiError` for what is not of the shape. */
export async function read<T>(schema: z.ZodMiniType<T>, response: Response): Promise<T> {
  const result = schema.safeParse(await response.json().catch(() => undefined))
  if (result.success) return result.data
  throw new ApiError(
    response.status,
    'not_understood',
    'The server said something that this page does not understand.',
  )
}
