import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { call, goOnStage, openSpace, type Guest } from '../e2e/client.ts'
import {
  nextSegment,
  recordLog,
  segmentThere,
  startCluster,
  type Tape,
  type TestCluster,
} from '../e2e/cluster.ts'
import type { OdeonProcess } from '../e2e/odeon-process.ts'
import { hum, type Hum } from '../e2e/tone.ts'
import { until } from '../e2e/until.ts'
import { Ear } from './ear.ts'

/** A cluster of real processes, with somebody who hums and somebody who listens, for one thing to happen to. */

/** Not a whole number of periods in a frame or a chunk: whatever is repeated or left out is heard. */
export const NOTE_HZ = 507

export interface Parts {
  /** Who lets the speaker in. */
  door: OdeonProcess
  /** What the listener knows, the first one first. */
  origins: [OdeonProcess, ...OdeonProcess[]]
}

export class Rig {
  readonly cluster: TestCluster
  readonly id: string
  readonly host: Guest
  readonly tape: Tape
  readonly ear: Ear
  #speaking: { speaker: WhipSpeaker; humming: Hum } | undefined

  private constructor(parts: Pick<Rig, 'cluster' | 'id' | 'host' | 'tape' | 'ear'> & { speaking: Speaking }) {
    this.cluster = parts.cluster
    this.id = parts.id
    this.host = parts.host
    this.tape = parts.tape
    this.ear = parts.ear
    this.#speaking = parts.speaking
  }

  /** `start` starts the processes of a cluster. */
  static async open<P extends Parts>(
    start: (cluster: TestCluster) => Promise<P>,
    redisCluster = false,
  ): Promise<{ rig: Rig; parts: P }> {
    const cluster = await startCluster({}, { redisCluster })
    try {
      const parts = await start(cluster)
      const { door, origins } = parts
      const { id, host } = await openSpace(door.url, 'Chaos')
      const tape = await recordLog(cluster, id)
      const speaking = await speak(door, id, host)
      const msn = await nextSegment(door, id)
      await segmentThere(origins[0], id, msn)
      const ear = new Ear({ urls: origins.map(({ url }) => url) as [string, ...string[]], id, msn })
      const rig = new Rig({ cluster, id, host, tape, ear, speaking })
      await rig.listenFor(3)
      return { rig, parts }
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** Until so many more seconds were heard. */
  async listenFor(seconds: number): Promise<void> {
    const chunks = this.ear.newest < 0 ? 0 : this.ear.newest
    const to = Math.max(chunks, 0) + Math.ceil((seconds * 1000) / 106.7)
    await until(`${seconds} s more are heard`, () => this.ear.newest >= to && this.ear.newest > 18)
  }

  /** As the page does it: until it works. Answers how long it took, ms. */
  async dialAgain(door: OdeonProcess): Promise<number> {
    await this.hush()
    return until(
      'the speaker is back on stage',
      async () => {
        this.#speaking = await speak(door, this.id, this.host)
        return true
      },
      { everyMs: 200 },
    )
  }

  async hush(): Promise<void> {
    const speaking = this.#speaking
    this.#speaking = undefined
    speaking?.humming.stop()
    await speaking?.speaker.vanish()
  }

  /** Numbers of the segments that are stored, as the archive sees them after the end. */
  async end(door: OdeonProcess): Promise<{ seconds: number; holes: number[] }> {
    await this.hush()
    await call(`${door.url}/api/spaces/${this.id}/end`, 'POST', undefined, this.host.token)
    await until('the replay is ready', async () => {
      const { body } = await call<{ replay: { state: string } }>(`${door.url}/api/spaces/${this.id}`, 'GET')
      return body.replay.state === 'ready'
    })
    const playlist = await (await fetch(`${door.url}/replay/${this.id}/index.m3u8`)).text()
    const stored = [...playlist.matchAll(/(\d+)\.m4s/g)].map(([, msn]) => Number(msn))
    const seconds = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].reduce(
      (sum, [, length]) => sum + Number(length),
      0,
    )
    const last = Math.max(...stored)
    return {
      seconds,
      holes: Array.from({ length: last + 1 }, (_, n) => n).filter((n) => !stored.includes(n)),
    }
  }

  async close(): Promise<void> {
    this.ear.close()
    await this.hush()
    await this.tape.close()
    await this.cluster.close()
  }
}

interface Speaking {
  speaker: WhipSpeaker
  humming: Hum
}

async function speak(door: OdeonProcess, id: string, host: Guest): Promise<Speaking> {
  const speaker = await goOnStage(door.url, id, host.token)
  return { speaker, humming: await hum(speaker, NOTE_HZ) }
}

/** The value of a metric without labels; NaN when there is none. */
export const metric = async (process: OdeonProcess, name: string): Promise<number> =>
  Number(
    new RegExp(`^${name} (\\S+)`, 'm').exec(await (await fetch(`${process.url}/metrics`)).text())?.[1] ?? NaN,
  )
