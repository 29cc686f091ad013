import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { TimedEvent } from '@odeon/common/events.ts'
import { FRAME_MS, SAMPLE_RATE } from '@odeon/common/time.ts'
import { call, goOnStage, newGuest, openSpace, type Guest } from '../e2e/client.ts'
import { openEventEar } from '../e2e/event-ear.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { hum } from '../e2e/tone.ts'
import { until } from '../e2e/until.ts'
import type { CrowdOrder } from './crowd-clients.ts'
import { percentile } from './figures.ts'
import { startServer } from './server-process.ts'

/**
 * `npm run bench:events -- [times]`: from a request (a post, an emoji) to its appearance at a listener, less the sound's own delay. The listener follows the growing AAC
 * segments. Two measures: how much later the frame that the mixer gave it is than the moment of the request, which is what a listener sees of it, since he
 * is shown it when that frame is heard; and how much later its chunk came than the chunk that holds the sound of that moment, which is a whole number of chunks. Posts,
 * lone emoji, and emoji amid 2 000 others a second. A table, and last a line of JSON.
 */

const TIMES = Number(process.argv[2] ?? 60)
const GUESTS = 30
const CROWD = { reactions: 400, count: 5, emoji: '👏', hands: 0, people: 500 }
const epochNow = (): number => performance.timeOrigin + performance.now()

interface Probe {
  /** Epoch ms of the request. */
  at: number
  /** Finds its event. */
  is(event: TimedEvent): boolean
}

async function main(): Promise<void> {
  const secret = randomBytes(24).toString('hex')
  const odeon = await startOdeonProcess({ env: { ODEON_SECRET: secret } })
  const crowd = await startServer('./crowd-clients.ts', [secret])
  const closing: (() => unknown)[] = []
  try {
    const { id, host } = await openSpace(odeon.url, 'Events')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const humming = await hum(speaker, 440)
    closing.push(() => (humming.stop(), speaker.close()))
    const url = `${odeon.url}/api/spaces/${id}`
    const { startedAt } = (await call<{ startedAt: number }>(url, 'GET')).body
    const guests: Guest[] = []
    for (let n = 0; n < GUESTS; n++) guests.push(await newGuest(odeon.url, `Guest ${n}`))
    const ear = openEventEar({ url: odeon.url, id, startedAt })
    closing.push(() => ear.close())
    await until('the first chunk', () => ear.chunks.length > 0)

    const send = async (n: number, path: string, body: unknown): Promise<number> => {
      const at = epochNow()
      const { status } = await call(`${url}${path}`, 'POST', body, guests[n % GUESTS]!.token)
      if (status >= 300) throw new Error(`${path}: ${status}`)
      return at
    }
    /** Not in step with anything: 300 to 500 ms apart. */
    const rest = (): Promise<void> => pause(300 + Math.random() * 200)

    const posts = async (): Promise<Probe[]> => {
      const probes: Probe[] = []
      for (let n = 0; n < TIMES; n++) {
        const text = `Number ${n}`
        const at = await send(n, '/posts', { text })
        probes.push({ at, is: (event) => event.type === 'post' && event.text === text })
        await rest()
      }
      return probes
    }
    /** The first event that holds it and is not of an earlier request. */
    const emoji = (is: string) => async (): Promise<Probe[]> => {
      const probes: Probe[] = []
      for (let n = 0; n < TIMES; n++) {
        const at = await send(n, '/reactions', { emoji: is })
        const first = Math.floor((at - startedAt) / FRAME_MS)
        probes.push({
          at,
          is: (event) => event.type === 'reactions' && is in event.counts && event.frame >= first - 1,
        })
        await rest()
      }
      return probes
    }
    const measure = async (run: () => Promise<Probe[]>) => {
      const from = ear.chunks.length
      const probes = await run()
      await pause(1000) // The sound's own delay, several times.
      const chunks = ear.chunks.slice(Math.max(0, from - 5))
      const frames: number[] = []
      const arrivals: number[] = []
      for (const { at, is } of probes) {
        const sample = ((at - startedAt) * SAMPLE_RATE) / 1000
        const sound = chunks.find((chunk) => chunk.sample <= sample && sample < chunk.sample + chunk.samples)
        const carrier = chunks.find(({ events }) => events.some(is))
        const event = carrier?.events.find(is)
        if (!sound || !carrier || !event) throw new Error(`an event of ${probes.length} did not come`)
        frames.push(startedAt + event.frame * FRAME_MS - at)
        arrivals.push(Math.max(0, carrier.at - sound.at))
      }
      return { frames, arrivals }
    }

    const rows = {
      posts: await measure(posts),
      emoji: await measure(emoji('🎉')),
      burst: undefined as Awaited<ReturnType<typeof measure>> | undefined,
    }
    const order: CrowdOrder = { url: odeon.url, space: id, ...CROWD }
    await crowd.ask({ crowd: order }, 'gathered')
    await pause(2000)
    rows.burst = await measure(emoji('🔥'))
    await crowd.ask({ crowd: null }, 'gathered')

    console.log(`\n  from a request to its appearance, less the sound’s own delay, ms, ${TIMES} times each\n`)
    console.log('                                    in the sound           chunk after chunk')
    console.log('                                 p50    p95  longest       p50    p95  longest\n')
    const names = {
      posts: 'posts',
      emoji: 'lone emoji',
      burst: `emoji amid ${CROWD.reactions * CROWD.count} others a second`,
    }
    const result: Record<string, unknown> = { bench: 'events', times: TIMES }
    for (const [key, row] of Object.entries(rows)) {
      const figures = [row!.frames, row!.arrivals].map((values) =>
        [0.5, 0.95, 1].map((p) => Math.round(percentile(values, p))),
      )
      const text = figures.map((three) => three.map((ms) => String(ms).padStart(5)).join('  '))
      console.log(`  ${names[key as keyof typeof names].padEnd(30)} ${text.join('        ')}`)
      const [inSound, arrival] = figures.map(([p50, p95, longest]) => ({ p50, p95, longest }))
      result[key] = { inSound, arrival }
    }
    console.log(`\n${JSON.stringify(result)}`)
  } finally {
    for (const close of closing.reverse()) await close()
    await crowd.stop()
    await odeon.remove()
  }
}

await main()
