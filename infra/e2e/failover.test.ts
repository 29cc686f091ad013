import { afterEach, describe, expect, test } from 'vitest'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3 } from '@odeon/common/adapters/testing/s3.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { goOnStage, openSpace, type Guest } from './client.ts'
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
import type { OdeonProcess } from './odeon-process.ts'
import { hum, type Hum } from './tone.ts'

/** What is heard when a process dies or leaves, by the signals that `infra/chaos` does not send, with a speaker who hums all the time. */

let cluster: TestCluster
let tape: Tape
const speaking: { humming: Hum; speaker: WhipSpeaker }[] = []
afterEach(async () => {
  await hush()
  await tape.close()
  await cluster.close()
})

async function hush(): Promise<void> {
  for (const { humming, speaker } of speaking.splice(0)) {
    humming.stop()
    await speaker.vanish()
  }
}

async function speak(api: OdeonProcess, id: string, host: Guest): Promise<void> {
  const speaker = await goOnStage(api.url, id, host.token)
  speaking.push({ speaker, humming: await hum(speaker, 500) })
}

/** As the page does it: until it works. */
async function dialAgain(api: OdeonProcess, id: string, host: Guest): Promise<void> {
  await hush()
  await expect
    .poll(
      () =>
        speak(api, id, host).then(
          () => 'on stage',
          (error: Error) => error.message,
        ),
      { timeout: 20_000, interval: 200 },
    )
    .toBe('on stage')
}

/** How long it took until `there` answered true, ms. */
async function timeUntil(there: () => Promise<boolean>): Promise<number> {
  const since = performance.now()
  await expect.poll(there, { timeout: 30_000, interval: 20 }).toBe(true)
  return performance.now() - since
}

/** Everything that was written is heard, and the speaker was there. */
function assertHeard(heard: Float32Array, first: number): void {
  expect(tape.lost(heard, first, 500)).toEqual([])
  expect(gaps(heard, 500).length).toBeLessThan(heard.length / RATE)
}

const metric = async (process: OdeonProcess, name: string): Promise<number> =>
  Number(
    new RegExp(`^${name} (\\S+)`, 'm').exec(await (await fetch(`${process.url}/metrics`)).text())?.[1] ?? NaN,
  )

const say = (what: string): void => {
  if (process.env['ODEON_TELL']) console.log(what)
}

const reason = HAS_CLUSTER ? 'with real kills' : `${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`

describe.skipIf(!HAS_CLUSTER)(`failover (${reason})`, { timeout: 180_000 }, () => {
  test.each(['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const)(
    'one of two transcoders is gone by %s, and nobody hears it',
    async (signal) => {
      cluster = await startCluster()
      const api = await cluster.start('api', 'ingest')
      const workers = [await cluster.start('transcoder'), await cluster.start('transcoder')]
      const { id, host } = await openSpace(api.url, 'Two transcoders')
      tape = await recordLog(cluster, id)
      await speak(api, id, host)
      const first = await nextSegment(api, id)
      await segmentThere(api, id, first)
      const writes = await Promise.all(
        workers.map((worker) => metric(worker, 'odeon_transcoder_chunks_written_total')),
      )
      const busy = workers[writes[0]! > writes[1]! ? 0 : 1]!
      if (signal === 'SIGTERM') expect(await busy.stop(signal)).toBe(0)
      else busy.child.kill(signal)
      await segmentThere(api, id, first + 4)
      const heard = await listen(api, id, first, first + 4)
      expect(heard.length / RATE).toBeCloseTo(5 * 1.92, 0)
      assertHeard(heard, first)
    },
  )

  test.each(['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const)(
    'an ingest node is gone by %s: another owns the space, speakers come back, and the timeline has not moved',
    async (signal) => {
      cluster = await startCluster()
      const [api, one, two] = [
        await cluster.start('api', 'transcoder'),
        await cluster.start('ingest'),
        await cluster.start('ingest'),
      ]
      const { id, host } = await openSpace(api.url, 'Two ingest nodes')
      tape = await recordLog(cluster, id)
      await speak(api, id, host)
      const from = await nextSegment(api, id)
      await segmentThere(api, id, from)
      const spaces = await Promise.all([one, two].map((node) => metric(node, 'odeon_spaces')))
      const [owner, other] = spaces[0] === 1 ? [one, two] : [two, one]
      const since = performance.now()
      if (signal === 'SIGTERM') expect(await owner.stop(signal)).toBe(0)
      else owner.child.kill(signal)
      await timeUntil(async () => (await metric(other, 'odeon_spaces')) === 1)
      say(`${signal}: another owns the space after ${(performance.now() - since).toFixed(0)} ms`)
      await dialAgain(api, id, host)
      say(`${signal}: the speaker is back after ${(performance.now() - since).toFixed(0)} ms`)
      if (signal === 'SIGSTOP') owner.child.kill('SIGCONT') // It wakes, finds its lease gone, and changes nothing.
      const again = await nextSegment(api, id)
      await segmentThere(api, id, again + 2)
      const heard = await listen(api, id, again, again + 2)
      assertHeard(heard, again)
      // The playlist's clock is the wall clock still: what is written now is of now.
      const { startedAt } = (await (await fetch(`${api.url}/api/spaces/${id}`)).json()) as {
        startedAt: number
      }
      const playlist = await (await fetch(`${api.url}/live/${id}/aac/index.m3u8`)).text()
      const newest = Math.max(...[...playlist.matchAll(/^(\d+)\.m4s/gm)].map(([, msn]) => Number(msn)))
      const behind = Date.now() - (startedAt + (newest + 1) * 1920)
      expect(behind).toBeGreaterThan(-100)
      expect(behind).toBeLessThan(10_000)
      if (signal === 'SIGSTOP') {
        await expect.poll(() => metric(owner, 'odeon_spaces')).toBe(0)
        expect(await metric(other, 'odeon_spaces')).toBe(1)
      }
    },
  )

  test('an api node that is told to stop completes the answers under way', async () => {
    cluster = await startCluster()
    const [one, two] = [await cluster.start('api', 'ingest', 'transcoder'), await cluster.start('api')]
    const { id, host } = await openSpace(one.url, 'Leaving')
    tape = await recordLog(cluster, id)
    await speak(one, id, host)
    const from = await nextSegment(one, id)
    await segmentThere(two, id, from)
    const growing = await fetch(`${two.url}/live/${id}/aac/${from + 1}.m4s`)
    const stopped = two.stop('SIGTERM')
    const read = new Uint8Array(await growing.arrayBuffer())
    expect(await stopped).toBe(0)
    const whole = new Uint8Array(
      await (await fetch(`${one.url}/live/${id}/aac/${from + 1}.m4s`)).arrayBuffer(),
    )
    expect(read).toEqual(whole)
  })

  test('a process that is told to stop while Redis is away stops all the same', async () => {
    cluster = await startCluster()
    const api = await cluster.start('api', 'ingest', 'transcoder')
    const { id, host } = await openSpace(api.url, 'No Redis')
    tape = await recordLog(cluster, id)
    await speak(api, id, host)
    await segmentThere(api, id, 1)
    await cluster.redis.kill()
    const since = performance.now()
    expect(await api.stop('SIGTERM')).toBe(0)
    say(`stopped without Redis after ${(performance.now() - since).toFixed(0)} ms`)
  })
})
