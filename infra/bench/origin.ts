import autocannon from 'autocannon'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { percentile } from './figures.ts'

/**
 * `npm run bench:origin`: the origin beside a bare `node:http` server in the same run. Requests a second for plain playlists and parts of the
 * same size; how long until the last of 2 000 waiting playlist requests is answered; CPU with 1 000 and 3 000 growing responses.
 */

interface Server {
  url: string
  child: ChildProcess
  cpu(): Promise<number>
  chunks: { chunk: number; at: number }[]
}

const SCRIPT = fileURLToPath(new URL('./origin-server.ts', import.meta.url))
const SECONDS = 8
const ROUNDS = 5
const ROUND_SECONDS = 3

async function start(kind: 'odeon' | 'bare', folder: string): Promise<Server> {
  const child = fork(SCRIPT, [kind, folder])
  const chunks: Server['chunks'] = []
  const port = await new Promise<number>((resolve) => {
    child.on('message', (message: { port?: number; chunk?: number; at?: number }) => {
      if (message.port) resolve(message.port)
      if (message.chunk !== undefined) chunks.push({ chunk: message.chunk, at: message.at! })
    })
  })
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    chunks,
    cpu: () =>
      new Promise((resolve) => {
        const read = (message: { cpu?: number }): void => {
          if (message.cpu === undefined) return
          child.off('message', read)
          resolve(message.cpu)
        }
        child.on('message', read)
        child.send('cpu')
      }),
  }
}

const requests = async (url: string): Promise<number> =>
  (await autocannon({ url, connections: 50, duration: ROUND_SECONDS })).requests.average

/** Requests a second of two servers, in turns, so that whatever else the machine does meets both; the median of the rounds. */
async function throughput(
  ours: string,
  bare: string,
): Promise<{ ours: number; bare: number; ratio: number }> {
  const rounds: { ours: number; bare: number }[] = []
  for (let n = 0; n < ROUNDS; n++) rounds.push({ ours: await requests(ours), bare: await requests(bare) })
  const median = (of: (round: (typeof rounds)[number]) => number): number => percentile(rounds.map(of), 0.5)
  return {
    ours: median((round) => round.ours),
    bare: median((round) => round.bare),
    ratio: median((round) => round.ours / round.bare),
  }
}

const text = async (url: string): Promise<string> => (await fetch(url)).text()

/** Delays from a chunk's publication to each of `count` waiting answers, ms. */
async function waiting(odeon: Server, base: string, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: count })
  const hint = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(await text(`${base}/index.m3u8`))!
  // Far enough ahead that all wait when it comes.
  const part = Number(hint[1]) * 9 + Number(hint[2]) + 8
  const [msn, index] = [Math.floor(part / 9), part % 9]
  const path = `${base}/index.m3u8?_HLS_msn=${msn}&_HLS_part=${index}`
  const arrivals = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<number>((resolve, reject) => {
          get(path, { agent }, (response) => {
            response.resume()
            response.on('end', () => resolve(performance.timeOrigin + performance.now()))
          }).on('error', reject)
        }),
    ),
  )
  agent.destroy()
  const published = odeon.chunks.find(({ chunk }) => chunk === part * 2 + 1)!.at
  return arrivals.map((at) => at - published)
}

/** Share of a core that a server takes while `count` readers follow a growing answer; a new one is asked for at the end of each. */
async function growing(server: Server, next: () => Promise<string>, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: count + 10, maxFreeSockets: count })
  let open = true
  const follow = async (url: string): Promise<void> => {
    for (let current = url; open; current = await next()) {
      await new Promise<void>((resolve) => {
        const request = get(current, { agent }, (response) => {
          response.on('data', () => {})
          response.on('close', () => resolve())
        })
        request.on('error', () => resolve())
        closing.push(() => request.destroy())
      })
    }
  }
  const closing: (() => void)[] = []
  const first = await next()
  const readers = Array.from({ length: count }, () => follow(first))
  await new Promise((resolve) => setTimeout(resolve, 4000))
  const before = await server.cpu()
  const began = performance.now()
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
  const share = (await server.cpu()) - before
  const passed = (performance.now() - began) * 1000
  open = false
  for (const close of closing) close()
  await Promise.all(readers)
  agent.destroy()
  return share / passed
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'odeon-bench-'))
  const odeon = await start('odeon', folder)
  const bare = await start('bare', folder)
  try {
    const base = `${odeon.url}/live/benchspace/aac`
    const playlist = await text(`${base}/index.m3u8`)
    const part = /URI="(\d+\.\d+\.m4s)"/.exec(playlist)![1]!
    const playlists = await throughput(
      `${base}/index.m3u8`,
      `${bare.url}/body/${Buffer.byteLength(playlist)}`,
    )
    const parts = await throughput(`${base}/${part}`, `${bare.url}/body/2000`)
    const delays = await waiting(odeon, base, 2000)
    const current = async (): Promise<string> => {
      const hint = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\./.exec(await text(`${base}/index.m3u8`))!
      return `${base}/${hint[1]}.m4s`
    }
    // One look at the playlist serves all readers, as our player needs none.
    let known: { url: Promise<string>; at: number } | undefined
    const shared = (): Promise<string> => {
      if (!known || performance.now() - known.at > 100) known = { url: current(), at: performance.now() }
      return known.url
    }
    const cpu: Record<number, { odeon: number; bare: number }> = {}
    for (const readers of [1000, 3000]) {
      cpu[readers] = {
        odeon: await growing(odeon, shared, readers),
        bare: await growing(bare, () => Promise.resolve(`${bare.url}/grow`), readers),
      }
    }
    const round = (value: number, digits = 2): number => Number(value.toFixed(digits))
    const result = {
      bench: 'origin',
      playlistRatio: round(playlists.ratio),
      partRatio: round(parts.ratio),
      lastOf2000Ms: round(percentile(delays, 1), 1),
      cpu1000: round(cpu[1000]!.odeon, 3),
      cpu1000Ratio: round(cpu[1000]!.odeon / cpu[1000]!.bare),
      cpu3000: round(cpu[3000]!.odeon, 3),
      cpu3000Ratio: round(cpu[3000]!.odeon / cpu[3000]!.bare),
    }
    console.log(`
  origin beside a bare node:http server

                                odeon      bare     ratio
  plain playlists a second   ${playlists.ours.toFixed(0).padStart(8)}  ${playlists.bare.toFixed(0).padStart(8)}  ${result.playlistRatio.toFixed(2).padStart(8)}
  parts a second             ${parts.ours.toFixed(0).padStart(8)}  ${parts.bare.toFixed(0).padStart(8)}  ${result.partRatio.toFixed(2).padStart(8)}
  cores, 1 000 growing       ${cpu[1000]!.odeon.toFixed(3).padStart(8)}  ${cpu[1000]!.bare.toFixed(3).padStart(8)}  ${result.cpu1000Ratio.toFixed(2).padStart(8)}
  cores, 3 000 growing       ${cpu[3000]!.odeon.toFixed(3).padStart(8)}  ${cpu[3000]!.bare.toFixed(3).padStart(8)}  ${result.cpu3000Ratio.toFixed(2).padStart(8)}

  2 000 waiting playlist requests, publication to answer: p50 ${percentile(delays, 0.5).toFixed(1)} ms, last ${result.lastOf2000Ms} ms
`)
    console.log(JSON.stringify(result))
  } finally {
    for (const { child } of [odeon, bare]) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true })
  }
}

await main()
