import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { call, goOnStage, newSpeaker, openSpace } from '../e2e/client.ts'
import { openEventEar } from '../e2e/event-ear.ts'
import { startOdeonProcess, type OdeonProcess } from '../e2e/odeon-process.ts'
import { hum } from '../e2e/tone.ts'
import { until } from '../e2e/until.ts'
import type { CrowdOrder, CrowdReport } from './crowd-clients.ts'
import { percentile } from './figures.ts'
import { cpuOf } from './proc.ts'
import { startServer } from './server-process.ts'

/**
 * `npm run bench:crowd -- [seconds] [count] [reactions] [hands]`: does a crowd that reacts and raises hands make the sound late? A whole Odeon in one process, three
 * people who hum; quiet, with `reactions` (10 000) and `hands` (1 000) a second into the one space, and quiet again. A request carries `count` (5) reactions, as a page
 * that sends the taps of half a second does. Of each: how late the beats of the mix were, how long after its last sample a chunk came to a listener, and what was
 * answered. A table, and last a line of JSON.
 */

const [seconds, count, reactions, hands] = [20, 5, 10_000, 1000].map((usual, n) =>
  Number(process.argv[n + 2] ?? usual),
) as [number, number, number, number]
const SPEAKERS = 3
const PEOPLE = 4000
const SETTLE_MS = 3000
const EMOJI = '👏'

interface Run {
  /** Of beats, ms. */
  beat: { p50: number; p99: number }
  /** Of a bare timer of 20 ms in the same seconds: what the machine itself makes late. */
  bare: number
  /** Of chunks at a listener, ms after their last sample. */
  chunk: { p50: number; p99: number; longest: number }
  /** Cores of the Odeon process. */
  cpu: number
}

/** What a histogram of `/metrics` counted: upper bounds in seconds, and how many are not above each. */
async function beats(odeon: OdeonProcess): Promise<[number, number][]> {
  const text = await (await fetch(`${odeon.url}/metrics`)).text()
  return [...text.matchAll(/^odeon_beat_lateness_seconds_bucket\{le="([^"]+)"\} (\d+)/gm)].map(
    ([, le, counted]) => [le === '+Inf' ? Infinity : Number(le), Number(counted)],
  )
}

/** ms, straight between two bounds. */
function quantile(before: [number, number][], after: [number, number][], p: number): number {
  const counts = after.map(([le, counted], n) => [le, counted - (before[n]?.[1] ?? 0)] as const)
  const rank = p * (counts.at(-1)?.[1] ?? NaN)
  const n = counts.findIndex(([, counted]) => counted >= rank)
  const [above, upTo] = counts[n]!
  const [below, under] = counts[n - 1] ?? [0, 0]
  return 1000 * (above === Infinity ? below : below + ((above - below) * (rank - under)) / (upTo - under))
}

async function main(): Promise<void> {
  const secret = randomBytes(24).toString('hex')
  const odeon = await startOdeonProcess({ env: { ODEON_SECRET: secret } })
  const crowd = await startServer('./crowd-clients.ts', [secret])
  const timer = new Worker(new URL('./bare-timer.ts', import.meta.url))
  const closing: (() => unknown)[] = [() => timer.terminate()]
  const bare = async (): Promise<number[]> => {
    timer.postMessage('how late')
    return ((await once(timer, 'message')) as [number[]])[0]
  }
  try {
    const { id, host } = await openSpace(odeon.url, 'Crowd')
    const people = [host]
    for (let n = 1; n < SPEAKERS; n++) people.push(await newSpeaker(odeon.url, id, host, `Speaker ${n}`))
    for (const [n, { token }] of people.entries()) {
      const speaker = await goOnStage(odeon.url, id, token)
      const humming = await hum(speaker, 300 + 100 * n)
      closing.push(() => (humming.stop(), speaker.close()))
    }
    const { startedAt } = (
      await call<{ startedAt: number }>(`${odeon.url}/api/spaces/${id}`, 'GET', undefined, host.token)
    ).body
    const ear = openEventEar({ url: odeon.url, id, startedAt })
    closing.push(() => ear.close())
    await until('the first chunk', () => ear.chunks.length > 0)

    const measure = async (): Promise<Run> => {
      await pause(SETTLE_MS)
      await bare()
      const [before, cpu, first, began] = [
        await beats(odeon),
        cpuOf(odeon.child.pid!),
        ear.chunks.length,
        performance.now(),
      ]
      await pause(seconds * 1000)
      const late = ear.chunks
        .slice(first)
        .map(({ at, sample, samples }) => at - startedAt - ((sample + samples) * 1000) / SAMPLE_RATE)
      const after = await beats(odeon)
      return {
        beat: { p50: quantile(before, after, 0.5), p99: quantile(before, after, 0.99) },
        bare: percentile(await bare(), 0.99),
        chunk: { p50: percentile(late, 0.5), p99: percentile(late, 0.99), longest: percentile(late, 1) },
        cpu: (cpuOf(odeon.child.pid!) - cpu) / ((performance.now() - began) / 1000),
      }
    }
    const heardReactions = (): number =>
      ear.chunks.reduce(
        (sum, { events }) =>
          sum +
          events.reduce(
            (all, event) => all + (event.type === 'reactions' ? (event.counts[EMOJI] ?? 0) : 0),
            0,
          ),
        0,
      )

    const runs: Record<string, Run> = { quiet: await measure() }
    const order: CrowdOrder = {
      url: odeon.url,
      space: id,
      reactions: reactions / count,
      count,
      emoji: EMOJI,
      hands,
      people: PEOPLE,
    }
    await crowd.ask({ crowd: order }, 'gathered')
    await pause(SETTLE_MS)
    const all: CrowdReport = await crowd.ask<CrowdReport>('report', 'report')
    const crowdCpu = cpuOf(crowd.child.pid!)
    runs['crowd'] = await measure()
    const clients = (cpuOf(crowd.child.pid!) - crowdCpu) / (seconds + SETTLE_MS / 1000)
    const answered = await crowd.ask<CrowdReport>('report', 'report')
    await crowd.ask({ crowd: null }, 'gathered')
    runs['quiet again'] = await measure()

    const took = seconds + SETTLE_MS / 1000
    const rate = (status: string): number => (answered.statuses[status] ?? 0) / took
    const taken = Math.round((rate('202') - hands / 2) * count)
    const events = ear.chunks
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === 'reactions').length
    console.log(
      `\n  ${reactions} reactions (${count} in a request) and ${hands} hands a second, ${SPEAKERS} who hum, ${seconds} s each\n`,
    )
    console.log('                beat late, ms   bare timer   chunk after its last sample, ms     cores')
    console.log('                 p50     p99       p99          p50      p99   longest\n')
    const f = (value: number, width: number, digits = 1): string => value.toFixed(digits).padStart(width)
    for (const [name, { beat, bare, chunk, cpu }] of Object.entries(runs))
      console.log(
        `  ${name.padEnd(12)} ${f(beat.p50, 6)}  ${f(beat.p99, 6)}    ${f(bare, 6)}       ${f(chunk.p50, 6)}   ${f(chunk.p99, 6)}    ${f(chunk.longest, 6)}     ${f(cpu, 5, 2)}`,
      )
    const answers = Object.entries(answered.statuses).map(
      ([status, many]) => `${status}: ${Math.round(many / took)}`,
    )
    console.log(
      `\n  answered a second: ${answers.join(', ')}; not sent for want of answers: ${answered.unsent} (and ${all.unsent} while they came)`,
    )
    console.log(
      `  reactions heard: ${heardReactions()} in ${events} events; the crowd takes ${clients.toFixed(2)} of a core\n`,
    )
    const quiet = Math.max(runs['quiet']!.beat.p99, runs['quiet again']!.beat.p99)
    const round = (value: number): number => Math.round(value * 10) / 10
    console.log(
      JSON.stringify({
        bench: 'crowd',
        seconds,
        count,
        reactionsTaken: taken,
        unsent: answered.unsent,
        beatP99: { quiet: round(quiet), crowd: round(runs['crowd'].beat.p99) },
        bareP99: {
          quiet: round(Math.max(runs['quiet']!.bare, runs['quiet again']!.bare)),
          crowd: round(runs['crowd'].bare),
        },
        chunkP99: {
          quiet: round(Math.max(runs['quiet']!.chunk.p99, runs['quiet again']!.chunk.p99)),
          crowd: round(runs['crowd'].chunk.p99),
        },
        cpu: { quiet: round(runs['quiet']!.cpu), crowd: round(runs['crowd'].cpu) },
      }),
    )
  } finally {
    for (const close of closing.reverse()) await close()
    await crowd.stop()
    await odeon.remove()
  }
}

await main()
