import * as z from 'zod/mini'

/** What the server refused, or `offline` when nobody answered. `code` is for programs, `message` for people. */
export class ApiError extends Error {
  readonly code: string
  /** HTTP status; 0 when there was no answer. */
  readonly status: number

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ApiError'
    this.status = status
    this.code = code
  }
}

const ErrorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

export interface RequestOptions {
  method?: string
  /** Text and blobs are sent as they are, with their `type`; all else as JSON. */
  body?: unknown
  type?: string
  token?: string | undefined
  signal?: AbortSignal
  /** Ms until nobody is thought to be there; 10 000 unless told. */
  timeoutMs?: number
  /** The request outlives the page. */
  keepalive?: boolean
}

/** One request to our own origin. Throws ApiError: the server's own, `offline`, or `bad_answer`. */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = 'GET', body, type = 'application/json', token, keepalive = false } = options
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000)
  let response: Response
  try {
    response = await fetch(path, {
      method,
      keepalive,
      headers: {
        ...(body !== undefined && { 'content-type': type }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && {
        body: typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body),
      }),
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    })
  } catch (cause) {
    throw new ApiError(0, 'offline', 'The server can’t be reached.', { cause })
  }
  if (!response.ok) throw await refusal(response)
  return response
}

/** A request whose answer is JSON of a known shape. */
export async function requestJson<T>(
  schema: z.ZodMiniType<T>,
  path: string,
  options?: RequestOptions,
): Promise<T> {
  const response = await request(path, options)
  try {
    return schema.parse(await response.json())
  } catch (cause) {
    throw new ApiError(response.status, 'bad_answer', `The server’s answer to ${path} makes no sense.`, {
      cause,
    })
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const body = ErrorBody.safeParse(await response.json().catch(() => undefined))
  return body.success
    ? new ApiError(response.status, body.data.error.code, body.data.error.message)
    : new ApiError(response.status, 'bad_answer', `The server answered ${response.status}.`)
}
