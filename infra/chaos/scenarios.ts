import { setTimeout as pause } from 'node:timers/promises'
import type { TestCluster } from '../e2e/cluster.ts'
import type { OdeonProcess } from '../e2e/odeon-process.ts'
import { until } from '../e2e/until.ts'
import type { Heard } from './ear.ts'
import { metric, NOTE_HZ, Rig, type Parts } from './rig.ts'

/** What may die, and what is to be heard of it: one each of the rows. A scenario is run by the tests and by `npm run chaos`. */

export interface Outcome {
  heard: Heard
  /** Until it was as before, ms; undefined where nothing had to be done. */
  recoveryMs?: number
  /** What does not show in the sound: "every segment is stored". */
  others?: Record<string, boolean>
}

export interface Scenario {
  name: string
  /** Sentence of the reach, for the table. */
  reach: string
  limits: { recoveryMs?: number; silentMs: number; stalledMs: number }
  run(options: { short: boolean }): Promise<Outcome>
}

/** A note's edge is smeared over a few looks of 20 ms. */
const NO_SILENCE_MS = 60

async function inRig<P extends Parts>(
  start: (cluster: TestCluster) => Promise<P>,
  run: (rig: Rig, parts: P) => Promise<Omit<Outcome, 'heard'>>,
  { redisCluster = false } = {},
): Promise<Outcome> {
  const { rig, parts } = await Rig.open(start, redisCluster)
  try {
    const outcome = await run(rig, parts)
    return { ...outcome, heard: await rig.ear.report(rig.tape, NOTE_HZ) }
  } finally {
    await rig.close()
  }
}

/** Everything in one process: it is something else that dies. */
const oneProcess = async (cluster: TestCluster): Promise<Parts> => {
  const all = await cluster.start('api', 'ingest', 'transcoder')
  return { door: all, origins: [all] }
}

/** How far the playlist's end is behind the wall clock, ms. */
async function lateness(rig: Rig, door: OdeonProcess): Promise<number> {
  const { startedAt } = (await (await fetch(`${door.url}/api/spaces/${rig.id}`)).json()) as {
    startedAt: number
  }
  const playlist = await (await fetch(`${door.url}/live/${rig.id}/aac/index.m3u8`)).text()
  const newest = Math.max(...[...playlist.matchAll(/^(\d+)\.m4s/gm)].map(([, msn]) => Number(msn)))
  return Math.abs(Date.now() - (startedAt + (newest + 1) * 1920))
}

/** The one that writes dies; the other goes on. */
const oneOfTwoTranscoders = (redisCluster: boolean): Promise<Outcome> =>
  inRig(
    async (cluster) => {
      const api = await cluster.start('api', 'ingest')
      const workers = [await cluster.start('transcoder'), await cluster.start('transcoder')]
      return { door: api, origins: [api], workers }
    },
    async (rig, { workers }) => {
      const writes = await Promise.all(
        workers.map((worker) => metric(worker, 'odeon_transcoder_chunks_written_total')),
      )
      workers[writes[0]! > writes[1]! ? 0 : 1]!.child.kill('SIGKILL') // Who writes, dies.
      await rig.listenFor(6)
      return {}
    },
    { redisCluster },
  )

export const SCENARIOS: Scenario[] = [
  {
    name: 'one of two transcoders',
    reach: 'no gap, no repeat',
    limits: { silentMs: NO_SILENCE_MS, stalledMs: 100 },
    run: () => oneOfTwoTranscoders(false),
  },
  {
    name: '… on a Redis Cluster',
    reach: 'no gap, no repeat',
    limits: { silentMs: NO_SILENCE_MS, stalledMs: 100 },
    run: () => oneOfTwoTranscoders(true),
  },
  {
    name: 'the only transcoder',
    reach: 'next worker in ≤ 3 s; every chunk there, none twice',
    limits: { recoveryMs: 3000, silentMs: NO_SILENCE_MS, stalledMs: 5000 },
    run: () =>
      inRig(
        async (cluster) => {
          const [api, worker] = [await cluster.start('api', 'ingest'), await cluster.start('transcoder')]
          return { door: api, origins: [api], worker }
        },
        async (rig, { worker }) => {
          const { cluster } = rig
          // Of the same replica as the first, so that it takes its job and has none of its own.
          const next = await cluster.startWith({ ...cluster.env, ODEON_REPLICA: 'a' }, 'transcoder')
          worker.child.kill('SIGKILL')
          const hasIt = async (): Promise<boolean> => (await metric(next, 'odeon_transcoder_live_jobs')) === 1
          const recoveryMs = await until('the next worker has the job', hasIt)
          await rig.listenFor(6)
          return { recoveryMs }
        },
      ),
  },
  {
    name: 'an ingest node',
    reach: 'another owns it in ≤ 3 s, the speaker is back in ≤ 5 s, the timeline stays',
    limits: { recoveryMs: 5000, silentMs: 5500, stalledMs: 5000 },
    run: () =>
      inRig(
        async (cluster) => {
          const api = await cluster.start('api', 'transcoder')
          const nodes = [await cluster.start('ingest'), await cluster.start('ingest')] as const
          return { door: api, origins: [api], nodes }
        },
        async (rig, { door, nodes }) => {
          const [owner, other] = (await metric(nodes[0], 'odeon_spaces')) === 1 ? nodes : [nodes[1], nodes[0]]
          const since = performance.now()
          owner.child.kill('SIGSTOP')
          await until('another owns the space', async () => (await metric(other, 'odeon_spaces')) === 1)
          const ownedMs = performance.now() - since
          await rig.dialAgain(door)
          const recoveryMs = performance.now() - since
          owner.child.kill('SIGCONT') // It wakes, finds its lease gone, and changes nothing.
          await rig.listenFor(6)
          await until(
            'the node that woke gave the space up',
            async () => (await metric(owner, 'odeon_spaces')) === 0,
          )
          return {
            recoveryMs,
            others: {
              'another owns it in 3 s': ownedMs <= 3000,
              'the one that woke is not the owner': (await metric(other, 'odeon_spaces')) === 1,
              'the timeline is the clock': (await lateness(rig, door)) < 4000,
            },
          }
        },
      ),
  },
  {
    name: 'an api node',
    reach: 'the listener plays on through another',
    limits: { silentMs: NO_SILENCE_MS, stalledMs: 300 },
    run: () =>
      inRig(
        async (cluster) => {
          const [one, two] = [await cluster.start('api'), await cluster.start('api')]
          await cluster.start('ingest', 'transcoder')
          return { door: two, origins: [one, two] }
        },
        async (rig, { origins }) => {
          origins[0].child.kill('SIGKILL')
          await rig.listenFor(6)
          return {}
        },
      ),
  },
  {
    name: 'Redis, and again (AOF)',
    reach: 'live goes on in ≤ 5 s, no stored segment lost',
    limits: { recoveryMs: 5000, silentMs: 6000, stalledMs: 6000 },
    run: () =>
      inRig(oneProcess, async (rig, { door }) => {
        await rig.cluster.redis.kill()
        await pause(1000) // How long it is away.
        await rig.cluster.redis.start()
        const since = performance.now()
        await until('the next chunk comes', () => rig.ear.newestAt > since)
        const recoveryMs = performance.now() - since
        await rig.listenFor(6)
        const { holes } = await rig.end(door)
        return { recoveryMs, others: { 'every segment is stored': holes.length === 0 } }
      }),
  },
  {
    name: 'the memory of Redis, full',
    reach: 'named; live goes on by itself when there is room',
    limits: { recoveryMs: 10_000, silentMs: 15_000, stalledMs: 15_000 },
    run: () =>
      inRig(oneProcess, async (rig, { door }) => {
        await rig.cluster.redisCli('CONFIG', 'SET', 'maxmemory', '1')
        await pause(3000) // How long it is full.
        await rig.cluster.redisCli('CONFIG', 'SET', 'maxmemory', '0')
        const since = performance.now()
        await until('the next chunk comes', () => rig.ear.newestAt > since)
        const recoveryMs = performance.now() - since
        await rig.listenFor(6)
        const { holes } = await rig.end(door)
        return {
          recoveryMs,
          others: {
            'every segment is stored': holes.length === 0,
            'it was named': /memory/.test(door.output()),
            'it was counted': (await metric(door, 'odeon_redis_full_total')) > 0,
          },
        }
      }),
  },
  {
    name: 'MinIO for a while',
    reach: 'nobody notices; afterwards every segment is stored',
    limits: { silentMs: NO_SILENCE_MS, stalledMs: 50 },
    run: ({ short }) =>
      inRig(oneProcess, async (rig, { door }) => {
        await rig.cluster.s3.kill()
        await pause(short ? 15_000 : 120_000) // How long it is away.
        await rig.cluster.s3.start()
        await rig.listenFor(4)
        const { holes } = await rig.end(door)
        return { others: { 'every segment is stored': holes.length === 0 } }
      }),
  },
  {
    name: 'all control-plane nodes',
    reach: 'listeners play on',
    limits: { silentMs: NO_SILENCE_MS, stalledMs: 50 },
    run: () =>
      inRig(
        async (cluster) => {
          const nodes = [await cluster.start('control'), await cluster.start('control')] as const
          const origin = await cluster.start('origin')
          await cluster.start('ingest', 'transcoder')
          return { door: nodes[0], origins: [origin], nodes }
        },
        async (rig, { nodes }) => {
          for (const { child } of nodes) child.kill('SIGKILL')
          await rig.listenFor(10)
          return {}
        },
      ),
  },
]

/** What of an outcome is outside its limits; empty when all is well. */
export function failures({ limits }: Scenario, { heard, recoveryMs = 0, others = {} }: Outcome): string[] {
  const most = { recoveryMs: Infinity, wrongMs: NO_SILENCE_MS, missing: 0, ...limits }
  const values = { recoveryMs, ...heard }
  return [
    ...(Object.keys(most) as (keyof typeof most)[])
      .filter((name) => values[name] > most[name])
      .map((name) => `${name} is ${Math.round(values[name])}, at most ${most[name]}`),
    ...Object.entries(others).flatMap(([what, holds]) => (holds ? [] : [`not so: ${what}`])),
  ]
}
