import { afterEach, describe, expect, test } from 'vitest'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3 } from '@odeon/common/adapters/testing/s3.ts'
import { call, goOnStage, newGuest, openSpace } from './client.ts'
import {
  gaps,
  HAS_CLUSTER,
  listen,
  nextSegment,
  recordLog,
  RATE,
  segmentThere,
  startCluster,
  type Tape,
  type TestCluster,
} from './cluster.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode } from './sound.ts'
import { hum, type Hum } from './tone.ts'

/** Many processes, one Odeon. */

let cluster: TestCluster | undefined
let humming: Hum | undefined
let tape: Tape | undefined
afterEach(async () => {
  humming?.stop()
  await tape?.close()
  tape = undefined
  await cluster?.close()
  cluster = undefined
})

const reason = HAS_CLUSTER ? 'two of each' : `${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`

describe.skipIf(!HAS_CLUSTER)(`several machines (${reason})`, () => {
  test(
    'a speaker who came in by one api node is heard through another; the two transcoders are two processes, and the replay is whole',
    { timeout: 120_000 },
    async () => {
      cluster = await startCluster()
      const [one, two] = await Promise.all([cluster.start('api'), cluster.start('api')])
      await Promise.all(
        (['ingest', 'ingest', 'transcoder', 'transcoder'] as const).map((role) => cluster!.start(role)),
      )
      const { id, host } = await openSpace(one.url, 'Many machines')
      tape = await recordLog(cluster, id)
      const speaker = await goOnStage(two.url, id, host.token)
      humming = await hum(speaker, 500)
      const first = await nextSegment(one, id)
      await segmentThere(one, id, first + 3)
      await segmentThere(two, id, first + 3)
      const heard = await listen(two, id, first, first + 3)
      expect(heard.length / RATE).toBeGreaterThan(4 * 1.92 - 0.2)
      expect(tape.lost(heard, first, 500)).toEqual([])
      expect(gaps(heard, 500).length).toBeLessThan(10) // Of 76: the speaker was heard at all.

      humming.stop()
      await speaker.close()
      await call(`${two.url}/api/spaces/${id}/end`, 'POST', undefined, host.token)
      const replay = async () =>
        (await call<{ replay: { state: string } }>(`${one.url}/api/spaces/${id}`, 'GET')).body.replay.state
      await expect.poll(replay, { timeout: 30_000 }).toBe('ready')
      const recording = await decode(
        new Uint8Array(await (await fetch(`${one.url}/replay/${id}/audio.m4a`)).arrayBuffer()),
        RATE,
      )
      expect(recording.length / RATE).toBeGreaterThan(5 * 1.92)
    },
  )

  test('new spaces go to the ingest node that carries least', { timeout: 60_000 }, async () => {
    cluster = await startCluster({ ODEON_MAX_SPACES: '2' })
    const api = await cluster.start('api')
    const nodes = [await cluster.start('ingest'), await cluster.start('ingest')]
    const carries = async (node: OdeonProcess): Promise<number> =>
      Number(/^odeon_spaces (\d+)/m.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1])
    for (const title of ['One', 'Two', 'Three', 'Four']) await openSpace(api.url, title)
    expect(await Promise.all(nodes.map(carries))).toEqual([2, 2])
    const host = await newGuest(api.url, 'Late')
    const { body } = await call<{ id: string }>(
      `${api.url}/api/spaces`,
      'POST',
      { title: 'Five' },
      host.token,
    )
    const started = await call(`${api.url}/api/spaces/${body.id}/start`, 'POST', undefined, host.token)
    expect(started.status).toBe(503)
  })

  test.each([
    ['a wrong password of Redis', { REDIS_URL: 'redis://nobody:secret@' }, /does not accept.*REDIS_URL/],
    ['nobody at S3_ENDPOINT', { S3_ENDPOINT: 'http://127.0.0.1:1' }, /can't be reached.*S3_ENDPOINT/],
    ['wrong keys of S3', { S3_SECRET_KEY: 'not-the-secret' }, /does not accept S3_ACCESS_KEY/],
    ['a bucket that can not be', { S3_BUCKET: 'No Bucket' }, /S3_BUCKET/],
    ['half of the settings of S3', { S3_ACCESS_KEY: '' }, /S3_ACCESS_KEY and S3_SECRET_KEY/],
  ])('%s: the start ends with one sentence', { timeout: 60_000 }, async (_name, changed, sentence) => {
    cluster = await startCluster()
    const env = { ...cluster.env, ...changed }
    if (env.REDIS_URL.endsWith('@')) env.REDIS_URL += new URL(cluster.redis.url).host
    const failed = await startOdeonProcess({ env }).then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(failed).toMatch(/^Odeon ended with 1/)
    expect(failed).toMatch(sentence)
    expect(failed).not.toMatch(/\n\s+at /)
  })
})

test.each([
  ['a part of the roles without Redis', '--roles=api', /set REDIS_URL, S3_ENDPOINT, ODEON_SECRET/],
  ['a role that is none', '--roles=api,chef', /no role "chef"; wanted: --roles=api,ingest,transcoder/],
])('%s is refused with a sentence', async (_name, argument, sentence) => {
  const starting = startOdeonProcess({ args: [argument] })
  await expect(starting).rejects.toThrow(sentence)
})
