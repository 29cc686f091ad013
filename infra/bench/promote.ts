import { setTimeout as pause } from 'node:timers/promises'
import { openDecoder } from '@odeon/common/opus.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import { call, goOnStage, newGuest, openSpace } from '../e2e/client.ts'
import { startOdeonProcess } from '../e2e/odeon-process.ts'
import { amplitude, hum } from '../e2e/tone.ts'
import { percentile } from './figures.ts'

/**
 * `npm run bench:promote -- [times]`: from a host's click to what is heard of it on stage, in the host's own ear (so the way back over WebRTC is
 * in the figure). Accepted with the connection ready; accepted with none, who then dials; moved to the audience; banned. A table, and last a line
 * of JSON.
 */

const TIMES = Number(process.argv[2] ?? 20)
const HZ = 880
const HEARD = 0.02
const PATIENCE_MS = 10_000

async function main(): Promise<void> {
  const odeon = await startOdeonProcess()
  try {
    const { id, host } = await openSpace(odeon.url, 'Promote')
    const decoder = await openDecoder()
    let isHeard = false
    let changedAt = 0
    const ear = await goOnStage(odeon.url, id, host.token, {
      onPacket({ opus }) {
        const heard = amplitude(decoder.decode(opus), HZ, SAMPLE_RATE) > HEARD
        if (heard === isHeard) return
        isHeard = heard
        changedAt = performance.now()
      },
    })
    const ownHum = await hum(ear, 330, 0.05) // So that the host has an encode of his own, as in a talk.
    const asHost = async (method: string, path: string, body?: unknown): Promise<void> => {
      const { status, body: answer } = await call(
        `${odeon.url}/api/spaces/${id}${path}`,
        method,
        body,
        host.token,
      )
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`)
    }
    /** ms from the click until it is heard, or is not any more. */
    const until = async (heard: boolean, click: () => Promise<unknown>): Promise<number> => {
      const clicked = performance.now()
      const done = click()
      while (isHeard !== heard) {
        if (performance.now() - clicked > PATIENCE_MS) throw new Error(`nothing changed in ${PATIENCE_MS} ms`)
        await pause(1)
      }
      await done
      return changedAt - clicked
    }
    const ready: number[] = []
    const dialled: number[] = []
    const moved: number[] = []
    const banned: number[] = []
    for (let n = 0; n < TIMES; n++) {
      const guest = await newGuest(odeon.url, `Guest ${n}`)
      const path = `/hands/${guest.user.id}`
      await call(`${odeon.url}/api/spaces/${id}/hands`, 'POST', {}, guest.token)
      const made = await goOnStage(odeon.url, id, guest.token, { ready: true })
      const humming = await hum(made, HZ)
      await pause(300 + ((n * 37) % 100)) // The host reads a name.
      ready.push(await until(true, () => asHost('POST', `${path}/accept`)))
      await pause(300)
      moved.push(await until(false, () => asHost('DELETE', `/speakers/${guest.user.id}`)))
      humming.stop()
      await made.close()

      await call(`${odeon.url}/api/spaces/${id}/hands`, 'POST', {}, guest.token)
      await pause(300)
      let late: { stop(): void } | undefined
      let dial: Awaited<ReturnType<typeof goOnStage>> | undefined
      dialled.push(
        await until(true, async () => {
          await asHost('POST', `${path}/accept`)
          dial = await goOnStage(odeon.url, id, guest.token)
          late = await hum(dial, HZ)
        }),
      )
      await pause(300)
      banned.push(await until(false, () => asHost('PUT', `/bans/${guest.user.id}`, {})))
      late?.stop()
      await dial?.close()
    }
    ownHum.stop()
    await ear.close()
    decoder.close()
    const rows = { ready, dialled, moved, banned }
    console.log(`\n  a host's click to the ear on stage, ms, ${TIMES} times on loopback\n`)
    console.log('                                  p50    p95   longest')
    const names = {
      ready: 'accepted, connection ready',
      dialled: 'accepted, dials then',
      moved: 'moved to the audience: silent',
      banned: 'banned: silent',
    }
    const result: Record<string, unknown> = { bench: 'promote', times: TIMES }
    for (const [key, values] of Object.entries(rows)) {
      const [p50, p95, longest] = [0.5, 0.95, 1].map((p) => Math.round(percentile(values, p)))
      console.log(
        `  ${names[key as keyof typeof names].padEnd(30)}  ${[p50, p95, longest].map((ms) => String(ms).padStart(5)).join('  ')}`,
      )
      result[key] = { p50, p95, longest }
    }
    console.log(`\n${JSON.stringify(result)}`)
  } finally {
    await odeon.remove()
  }
}

await main()
