import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pictureOf } from '@odeon/api/control/testing/pictures.ts'
import type { WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import { goOnStage, newGuest, openSpace } from './client.ts'
import {
  HAS_EDGE,
  HAS_TLS,
  HOW_TO_INSTALL_EDGE,
  HOW_TO_INSTALL_TLS,
  startEdge,
  startTls,
  type Edge,
} from './edge.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { hum, type Hum } from './tone.ts'
import { until } from './until.ts'

/** Many listeners behind the caching edge of `infra/edge`, with a real Varnish. */

interface Read {
  status: number
  body: Buffer
  /** ms from the first byte to the last. */
  spread: number
  whole: boolean
}

/** Node's fetch would keep two hundred waiting for each other. */
const read = (url: string): Promise<Read> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response: IncomingMessage) => {
      const parts: Buffer[] = []
      let first: number | undefined
      let last = 0
      response.on('data', (data: Buffer) => {
        last = performance.now()
        first ??= last
        parts.push(data)
      })
      response.on('error', () => {})
      response.on('close', () =>
        resolve({
          status: response.statusCode!,
          body: Buffer.concat(parts),
          spread: last - (first ?? last),
          whole: response.complete,
        }),
      )
    }).on('error', reject)
  })

describe.skipIf(!HAS_EDGE)(`the caching edge${HAS_EDGE ? '' : ` (${HOW_TO_INSTALL_EDGE})`}`, () => {
  let odeon: OdeonProcess
  let edge: Edge
  let speaker: WhipSpeaker
  let humming: Hum
  let live: string
  beforeAll(async () => {
    odeon = await startOdeonProcess()
    edge = await startEdge([odeon.port, odeon.port])
    const { id, host } = await openSpace(edge.url, 'Edge')
    speaker = await goOnStage(edge.url, id, host.token)
    humming = await hum(speaker, 440)
    live = `/live/${id}/aac`
    await until('there is sound', async () => (await read(`${edge.url}${live}/index.m3u8`)).status === 200)
  })
  afterAll(async () => {
    humming?.stop()
    await speaker?.close()
    await edge?.close()
    await odeon?.remove()
  })

  /** Requests of a kind that the origin itself has answered. */
  async function answered(kind: string): Promise<number> {
    const text = await (await fetch(`${odeon.url}/metrics`)).text()
    const lines = text.match(
      new RegExp(`^odeon_origin_requests_total\\{[^}]*kind="${kind}"[^}]*\\} \\d+`, 'gm'),
    )
    return (lines ?? []).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  const edgeOfPlaylist = async (): Promise<{ msn: number; part: number }> => {
    const text = (await read(`${odeon.url}${live}/index.m3u8`)).body.toString()
    const hint = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(text)!
    return { msn: Number(hint[1]), part: Number(hint[2]) }
  }

  test('two hundred listeners of a growing segment cost the origin one request, and hear it as it grows', async () => {
    const before = await answered('growing')
    const { msn } = await edgeOfPlaylist()
    const listeners = await Promise.all(
      Array.from({ length: 200 }, () => read(`${edge.url}${live}/${msn + 1}.m4s`)),
    )
    expect(await answered('growing')).toBe(before + 1)
    const [first] = listeners
    for (const { status, body, whole, spread } of listeners) {
      expect([status, whole]).toEqual([200, true])
      expect(body.equals(first!.body)).toBe(true)
      expect(spread).toBeGreaterThan(1000) // It lasts 1.92 s, and came in eighteen pieces.
    }
    expect((await read(`${odeon.url}${live}/${msn + 1}.m4s`)).body.equals(first!.body)).toBe(true)
  })

  test('two hundred who wait for the same playlist cost the origin one request', async () => {
    const { msn, part } = await edgeOfPlaylist()
    const before = await answered('playlist')
    const url = `${edge.url}${live}/index.m3u8?_HLS_msn=${msn + 1}&_HLS_part=${part % 9}`
    const listeners = await Promise.all(Array.from({ length: 200 }, () => read(url)))
    expect(await answered('playlist')).toBe(before + 1)
    for (const { status, body } of listeners) {
      expect(status).toBe(200)
      expect(body.toString()).toContain(`\n${msn}.m4s\n`)
    }
  })

  test('what is not there yet is not remembered as missing', async () => {
    const { msn } = await edgeOfPlaylist()
    const url = `${edge.url}${live}/${msn + 3}.m4s`
    expect((await read(url)).status).toBe(404)
    await until('the segment is there', async () => (await edgeOfPlaylist()).msn > msn + 3)
    expect((await read(url)).status).toBe(200)
  })

  test.skipIf(!HAS_TLS)(
    `by TLS and HTTP/2, too, a segment comes as it grows${HAS_TLS ? '' : ` (${HOW_TO_INSTALL_TLS})`}`,
    { timeout: 60_000 },
    async () => {
      const tls = await startTls(edge)
      const session = connect(tls.url, { rejectUnauthorized: false })
      try {
        const { msn } = await edgeOfPlaylist()
        const stream = session.request({ ':path': `${live}/${msn + 1}.m4s` })
        const arrivals: number[] = []
        const parts: Buffer[] = []
        stream.on('data', (data: Buffer) => {
          arrivals.push(performance.now())
          parts.push(data)
        })
        await once(stream, 'end')
        expect(arrivals.at(-1)! - arrivals[0]!).toBeGreaterThan(1000)
        expect(arrivals.length).toBeGreaterThan(9)
        const whole = await read(`${odeon.url}${live}/${msn + 1}.m4s`)
        expect(Buffer.concat(parts).equals(whole.body)).toBe(true)
      } finally {
        session.close()
        await tls.close()
      }
    },
  )

  test('a face, however many see it, costs the origin one request; another one has another address', async () => {
    const { token, user } = await newGuest(edge.url, 'Ana')
    const send = async (): Promise<string> => {
      const answer = await fetch(`${edge.url}/api/me/face`, {
        method: 'PUT',
        body: new Uint8Array(await pictureOf('jpeg')),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'image/jpeg' },
      })
      return `/faces/${user.id}/${((await answer.json()) as { face: string }).face}.webp`
    }
    const path = await send()
    const before = await answered('face')
    const seen = await Promise.all(Array.from({ length: 100 }, () => read(edge.url + path)))
    expect(await answered('face')).toBe(before + 1)
    expect(seen.every(({ status, body }) => status === 200 && body.includes('WEBP'))).toBe(true)
    const next = await send()
    expect(next).not.toBe(path)
    expect((await read(odeon.url + path)).status).toBe(404)
    expect((await read(edge.url + next)).status).toBe(200)
  })

  test('the metrics are for the operator alone', async () => {
    expect((await read(`${edge.url}/metrics`)).status).toBe(404)
  })

  test('a segment whose origin dies is broken off, not ended', { timeout: 60_000 }, async () => {
    const other = await startOdeonProcess()
    const own = await startEdge([other.port, other.port])
    try {
      const { id, host } = await openSpace(own.url, 'Broken')
      const speaking = await goOnStage(own.url, id, host.token)
      const tone = await hum(speaking, 440)
      const playlist = `${other.url}/live/${id}/aac/index.m3u8`
      await until('there is sound', async () => (await read(playlist)).body.includes('PRELOAD-HINT'))
      const msn = Number(/URI="(\d+)\.\d+\.m4s"/.exec((await read(playlist)).body.toString())![1])
      const reading = read(`${own.url}/live/${id}/aac/${msn + 1}.m4s`)
      await until('it has begun', async () =>
        (await read(playlist)).body.includes(`PART:DURATION=0.21333,URI="${msn + 1}.2.m4s"`),
      )
      await other.stop('SIGKILL')
      expect((await reading).whole).toBe(false)
      tone.stop()
      await speaking.close().catch(() => {}) // Its server is dead.
    } finally {
      await own.close()
      await other.remove()
    }
  })
})
