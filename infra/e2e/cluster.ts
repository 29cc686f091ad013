import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openRedis } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { findProgram } from '@odeon/common/adapters/testing/programs.ts'
import {
  REDIS_SERVER,
  startRedis,
  startRedisCluster,
  type TestRedis,
} from '@odeon/common/adapters/testing/redis.ts'
import { HAS_S3, startS3, type TestS3 } from '@odeon/common/adapters/testing/s3.ts'
import { decodeLogEntry, frameOf } from '@odeon/common/frame.ts'
import { logKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { openDecoder } from '@odeon/common/opus.ts'
import { FIRST } from '@odeon/common/ports.ts'
import { FRAME_SAMPLES, SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
import { MIXER_FLAGS } from '../mixer-flags.ts'
import type { RoleName } from '../settings.ts'
import { call } from './client.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode } from './sound.ts'
import { amplitude } from './tone.ts'
import { until } from './until.ts'

/** Several Odeon processes on a Redis and an S3 server of their own. */
export const HAS_CLUSTER = REDIS_SERVER !== undefined && HAS_S3

export interface TestCluster {
  /** The Redis, or of a Redis Cluster the node that is killed. */
  redis: TestRedis
  s3: TestS3
  /** The settings that make a process one of it. */
  env: Record<'REDIS_URL' | 'S3_ENDPOINT' | 'S3_ACCESS_KEY' | 'S3_SECRET_KEY', string> &
    Record<string, string>
  /** A command to Redis. */
  redisCli(...words: string[]): Promise<string>
  start(...roles: RoleName[]): Promise<OdeonProcess>
  startWith(env: Record<string, string>, ...roles: RoleName[]): Promise<OdeonProcess>
  close(): Promise<void>
}

/** `redisCluster`: three Redis nodes instead of one. */
export async function startCluster(
  env: Record<string, string> = {},
  { redisCluster = false } = {},
): Promise<TestCluster> {
  const [redis, s3] = await Promise.all([redisCluster ? startThree() : startRedis(), startS3()])
  const processes: OdeonProcess[] = []
  const shared = {
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
    S3_BUCKET: `odeon-${randomBytes(4).toString('hex')}`,
    ODEON_SECRET: randomBytes(24).toString('hex'),
    ...env,
  }
  const startWith = async (settings: Record<string, string>, ...roles: RoleName[]): Promise<OdeonProcess> => {
    const args = roles.length > 0 ? [`--roles=${roles.join(',')}`] : []
    const nodeArgs = roles.join() === 'ingest' ? MIXER_FLAGS : []
    const started = await startOdeonProcess({ env: settings, args, nodeArgs })
    processes.push(started)
    return started
  }
  return {
    redis,
    s3,
    env: shared,
    startWith,
    start: (...roles) => startWith(shared, ...roles),
    async redisCli(...words) {
      const cli = findProgram('redis-cli') ?? 'redis-cli'
      return (await promisify(execFile)(cli, ['-u', redis.url, ...words])).stdout
    },
    async close() {
      await Promise.all(processes.map((process) => process.remove()))
      await Promise.all([redis.close(), s3.close()])
    },
  }
}

async function startThree(): Promise<TestRedis> {
  const { url, nodes, close } = await startRedisCluster()
  return { ...nodes[0]!, url, close }
}

export const RATE = 8000

/** Waits until a segment is in the live playlist. */
export const segmentThere = (odeon: OdeonProcess, id: string, msn: number): Promise<number> =>
  until(`segment ${msn} is in the playlist`, async () => {
    const playlist = await fetch(`${odeon.url}/live/${id}/aac/index.m3u8?_HLS_msn=${msn}`)
    return (await playlist.text()).includes(`\n${msn}.m4s`)
  })

/** The first segment that begins a second or more from now. */
export async function nextSegment(odeon: OdeonProcess, id: string): Promise<number> {
  const { startedAt } = (await call<{ startedAt: number }>(`${odeon.url}/api/spaces/${id}`, 'GET')).body
  return Math.ceil((Date.now() + 1000 - startedAt) / 1920)
}

/** What a listener hears who reads the segments from `first` to `last` one after the other, 8 kHz. */
export async function listen(
  odeon: OdeonProcess,
  id: string,
  first: number,
  last: number,
): Promise<Float32Array> {
  const parts = [new Uint8Array(await (await fetch(`${odeon.url}/live/${id}/aac/init.mp4`)).arrayBuffer())]
  for (let msn = first; msn <= last; msn++)
    parts.push(new Uint8Array(await (await fetch(`${odeon.url}/live/${id}/aac/${msn}.m4s`)).arrayBuffer()))
  return decode(Buffer.concat(parts), RATE)
}

/** Tenths of a second, in seconds from the beginning, in which the note is not heard as it should be. */
export const gaps = (pcm: Float32Array, hz: number, rate = RATE): number[] =>
  Array.from({ length: Math.floor(pcm.length / (rate / 10)) }, (_, n) =>
    amplitude(pcm.subarray((n * rate) / 10, ((n + 1) * rate) / 10), hz, rate),
  )
    .map((size, n) => (size < 0.05 ? n / 10 : -1))
    .filter((at) => at >= 0)

/** The log of a space as it was written, kept by a reader of its own: what a listener should hear, and no more. */
export interface Tape {
  /** Tenths of a second in which `heard`, from segment `first` on, lacks the note though the log has it. */
  lost(heard: Float32Array, first: number, hz: number): number[]
  /** What was written from a sample of the space on, 48 kHz; what is not in the log is silence. */
  pcm(from: number, samples: number): Float32Array
  close(): Promise<void>
}

export async function recordLog({ redis: { url } }: TestCluster, id: string): Promise<Tape> {
  const redis = await openRedis({ url, logger: createLogger('silent') })
  const log = openRedisLog({ redis })
  const decoder = await openDecoder()
  const stop = new AbortController()
  const frames = new Map<number, Float32Array>()
  const read = async (): Promise<void> => {
    let after = FIRST
    while (!stop.signal.aborted) {
      try {
        for (const entry of await log.read(logKey(id), after, { waitMs: 1000, signal: stop.signal })) {
          after = entry.id
          const content = decodeLogEntry(entry.body)
          if (content.kind === 'frame')
            frames.set(frameOf(entry.id), Float32Array.from(decoder.decode(content.opus)))
        }
      } catch {
        await pause(100) // Redis is away, as some tests want it.
      }
    }
  }
  const reading = read()
  const pcmOf = (from: number, samples: number): Float32Array => {
    const pcm = new Float32Array(samples)
    const first = Math.floor(from / FRAME_SAMPLES)
    for (let frame = first; frame * FRAME_SAMPLES < from + samples; frame++) {
      const at = frame * FRAME_SAMPLES - from
      const there = frames.get(frame)
      if (there) pcm.set(there.subarray(Math.max(0, -at), samples - at), Math.max(0, at))
    }
    return pcm
  }
  return {
    pcm: pcmOf,
    lost(heard, first, hz) {
      const samples = heard.length * (SAMPLE_RATE / RATE)
      const written = gaps(pcmOf(first * SEGMENT_SAMPLES, samples), hz, SAMPLE_RATE)
      // A gap in the log has an edge on either side.
      return gaps(heard, hz).filter((at) => !written.some((silent) => Math.abs(silent - at) < 0.15))
    },
    async close() {
      stop.abort()
      await reading
      decoder.close()
      await log.close()
      await redis.close()
    },
  }
}
