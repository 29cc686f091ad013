import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'minio'
import { AppError, messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { ObjectInfo, Objects } from '../../ports.ts'
import { assertObjectKey, assertObjectPrefix } from '../object-key.ts'

/** Objects in a bucket of MinIO or anything else that speaks S3. Only this file knows the `minio` client. */
export interface S3ObjectsOptions {
  /** `http://host:9000`, or https. */
  endpoint: string
  accessKey: string
  secretKey: string
  /** Made if it is not there and the keys may make it. */
  bucket: string
  /** `us-east-1` unless told, which is what MinIO calls itself. */
  region?: string
  logger: Logger
  /** How often an endpoint that does not answer is tried at the start, a second apart; 5 unless told. */
  tries?: number
}

const ANSWER_MS = 10_000
const RETRY_MS = 1000

/** Throws `bad_s3_endpoint`, `s3_unreachable`, `s3_credentials` or `s3_bucket`, each with one sentence that says what to do. */
export async function openS3Objects(options: S3ObjectsOptions): Promise<Objects> {
  const { endpoint, bucket, logger, tries = 5 } = options
  const { client, close } = connect(options)
  for (let left = tries - 1; ; left--) {
    try {
      await openBucket(client, options)
      break
    } catch (error) {
      const known = startError(error, options)
      if (known.code !== 's3_unreachable' || left <= 0) {
        close()
        throw known
      }
      logger.warn({ err: known.message }, 'the object store is not there yet; trying again')
      await pause(RETRY_MS)
    }
  }

  const asked = async <T>(work: (late: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await inTime(work)
    } catch (error) {
      throw new AppError(503, 's3_failed', `The object store at ${endpoint} failed (${explain(error)}).`, {
        cause: error,
      })
    }
  }

  return {
    async put(key, body, contentType) {
      assertObjectKey(key)
      await asked(() =>
        client.putObject(bucket, key, Buffer.from(body.buffer, body.byteOffset, body.length), body.length, {
          'Content-Type': contentType,
        }),
      )
    },
    async get(key, range) {
      assertObjectKey(key)
      return asked(async (late) => {
        try {
          const stream = range
            ? await client.getPartialObject(bucket, key, range.start, range.end - range.start + 1)
            : await client.getObject(bucket, key)
          return await collect(stream, late)
        } catch (error) {
          const code = codeOf(error)
          if (code === 'NoSuchKey' || code === 'NotFound') return undefined
          if (code === 'InvalidRange') return new Uint8Array(0)
          throw error
        }
      })
    },
    async list(prefix) {
      assertObjectPrefix(prefix)
      // The client asks for one page of a thousand after the other.
      return asked(async (late) => {
        const stream = client.listObjectsV2(bucket, prefix, true)
        late.addEventListener('abort', () => stream.destroy(late.reason as Error))
        const found: ObjectInfo[] = []
        for await (const { name, size } of stream as AsyncIterable<{ name?: string; size?: number }>)
          if (name !== undefined) found.push({ key: name, size: size ?? 0 })
        return found.sort((a, b) => (a.key < b.key ? -1 : 1))
      })
    },
    async delete(key) {
      assertObjectKey(key)
      await asked(() => client.removeObject(bucket, key))
    },
    close() {
      close()
      return Promise.resolve()
    },
  }
}

function connect({ endpoint, accessKey, secretKey, region = 'us-east-1' }: S3ObjectsOptions) {
  const url = parseEndpoint(endpoint)
  const useSSL = url.protocol === 'https:'
  const settings = { keepAlive: true, timeout: ANSWER_MS }
  const agent = useSSL ? new HttpsAgent(settings) : new HttpAgent(settings)
  const client = new Client({
    endPoint: url.hostname,
    port: Number(url.port || (useSSL ? 443 : 80)),
    useSSL,
    accessKey,
    secretKey,
    region,
    transportAgent: agent,
    retryOptions: { disableRetry: true }, // Whoever stores or reads tries again, and knows when to stop.
  })
  return { client, close: () => agent.destroy() }
}

function parseEndpoint(endpoint: string): URL {
  try {
    const url = new URL(endpoint)
    if (!['http:', 'https:'].includes(url.protocol) || url.pathname !== '/') throw new Error('not that')
    return url
  } catch (cause) {
    throw new AppError(
      500,
      'bad_s3_endpoint',
      `S3_ENDPOINT can't be used: it is "${endpoint}", wanted: http://host:port or https://host, and no path.`,
      { cause },
    )
  }
}

async function openBucket(client: Client, { bucket, region = 'us-east-1' }: S3ObjectsOptions): Promise<void> {
  try {
    if (await inTime(() => client.bucketExists(bucket))) return
  } catch (error) {
    await inTime((late) => lookInto(client, bucket, late)) // HEAD has no body to say why it was refused; this has.
    throw error
  }
  try {
    await inTime(() => client.makeBucket(bucket, region))
  } catch (error) {
    if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error // Another Odeon made it in the same moment.
  }
}

async function lookInto(client: Client, bucket: string, late: AbortSignal): Promise<void> {
  const stream = client.listObjectsV2(bucket, '', false)
  late.addEventListener('abort', () => stream.destroy(late.reason as Error))
  for await (const _ of stream as AsyncIterable<unknown>) return
}

const CREDENTIALS = ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidClientTokenId', 'ExpiredToken']
const BUCKET = [
  'AccessDenied',
  'Forbidden',
  'NoSuchBucket',
  'InvalidBucketName',
  'BucketAlreadyExists',
  'AllAccessDisabled',
]

function startError(error: unknown, { endpoint, bucket }: S3ObjectsOptions): AppError {
  const code = codeOf(error)
  const said = explain(error)
  if (CREDENTIALS.includes(code))
    return new AppError(
      500,
      's3_credentials',
      `The object store at ${endpoint} does not accept S3_ACCESS_KEY and S3_SECRET_KEY (${said}).`,
      { cause: error },
    )
  if (BUCKET.includes(code) || (error as Error)?.name === 'InvalidBucketNameError')
    return new AppError(
      500,
      's3_bucket',
      `The bucket "${bucket}" at ${endpoint} can neither be used nor made with these keys (${said}). Check S3_BUCKET and its policy.`,
      { cause: error },
    )
  return new AppError(
    500,
    's3_unreachable',
    `The object store at ${endpoint} can't be reached (${said}). Start it, or correct S3_ENDPOINT.`,
    { cause: error },
  )
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '')

const explain = (error: unknown): string =>
  [codeOf(error), messageOf(error)]
    .filter((text) => text)
    .join(': ')
    .slice(0, 200)

async function collect(stream: Readable, late: AbortSignal): Promise<Uint8Array> {
  late.addEventListener('abort', () => stream.destroy(late.reason as Error))
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** A store that accepts and does not answer would keep the caller for ever. */
async function inTime<T>(work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new Error(`no answer within ${ANSWER_MS / 1000} s`)
    late.abort(error)
    reject(error)
  }, ANSWER_MS)
  try {
    return await Promise.race([work(late.signal), promise])
  } finally {
    clearTimeout(timer)
  }
}
