import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '../../logger.ts'
import { describeObjects } from '../contract/objects.ts'
import { freePorts } from '../testing/programs.ts'
import { HAS_S3, HOW_TO_INSTALL_S3, startS3, type TestS3 } from '../testing/s3.ts'
import { openS3Objects, type S3ObjectsOptions } from './objects.ts'

const logger = createLogger('silent')

describe.skipIf(!HAS_S3)(`on S3 (${HAS_S3 ? 'a real server' : HOW_TO_INSTALL_S3})`, () => {
  let server: TestS3
  let count = 0
  beforeAll(async () => void (server = await startS3()))
  afterAll(() => server.close())
  const options = (changed: Partial<S3ObjectsOptions> = {}): S3ObjectsOptions => {
    const { endpoint, accessKey, secretKey } = server
    return {
      endpoint,
      accessKey,
      secretKey,
      bucket: `odeon-test-${process.pid}-${count++}`,
      logger,
      tries: 1,
      ...changed,
    }
  }
  describeObjects('on S3', () => openS3Objects(options()))

  test('more objects than one page of a listing are all listed, in order', async () => {
    const objects = await openS3Objects(options())
    const keys = Array.from({ length: 1005 }, (_, n) => `spaces/a/${String(n).padStart(4, '0')}`)
    for (let from = 0; from < keys.length; from += 50)
      await Promise.all(
        keys.slice(from, from + 50).map((key) => objects.put(key, Uint8Array.of(1), 'audio/mp4')),
      )
    expect((await objects.list('spaces/a/')).map(({ key }) => key)).toEqual(keys)
    await objects.close()
  })

  test('a bucket that is there already is used', async () => {
    const same = options()
    const first = await openS3Objects(same)
    await first.put('kept', Uint8Array.of(7), 'audio/mp4')
    const second = await openS3Objects(same)
    expect(await second.get('kept')).toEqual(Uint8Array.of(7))
    await Promise.all([first.close(), second.close()])
  })

  test.each([
    ['wrong keys', { accessKey: 'nobody' }, 's3_credentials', /S3_ACCESS_KEY/],
    ['a wrong secret', { secretKey: 'wrong-secret' }, 's3_credentials', /S3_SECRET_KEY/],
    ['a name that no bucket may have', { bucket: 'No Bucket' }, 's3_bucket', /S3_BUCKET/],
    ['an endpoint with a path', { endpoint: 'http://localhost:9000/odeon' }, 'bad_s3_endpoint', /no path/],
    ['an endpoint that is no address', { endpoint: 'localhost' }, 'bad_s3_endpoint', /S3_ENDPOINT/],
  ])('%s: one sentence says what to correct', async (_name, changed, code, sentence) => {
    const error = await openS3Objects(options(changed)).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) as string })
  })

  test('nobody there: one sentence, after the tries that were allowed', async () => {
    const [port] = await freePorts(1)
    await expect(openS3Objects(options({ endpoint: `http://127.0.0.1:${port}` }))).rejects.toMatchObject({
      code: 's3_unreachable',
      message: expect.stringMatching(/ECONNREFUSED.*S3_ENDPOINT/) as string,
    })
  })
})
