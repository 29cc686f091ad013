import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { call, goOnStage, openSpace } from './client.ts'
import { startOdeonProcess, type OdeonProcess } from './odeon-process.ts'
import { decode } from './sound.ts'
import { amplitude, hum } from './tone.ts'

/** How a whole Odeon starts, ends and dies. */

interface SpaceView {
  state: string
  endReason?: string
  replay: { state: string; durationMs?: number }
}

const running: OdeonProcess[] = []
const start = async (options: Parameters<typeof startOdeonProcess>[0] = {}): Promise<OdeonProcess> => {
  const odeon = await startOdeonProcess(options)
  running.push(odeon)
  return odeon
}
afterEach(async () => {
  for (const odeon of running.splice(0)) await odeon.remove()
})

const spaceOf = async (odeon: OdeonProcess, id: string): Promise<SpaceView> =>
  (await call<SpaceView>(`${odeon.url}/api/spaces/${id}`, 'GET')).body

/** Waits until a segment is in the live playlist. */
const segmentStored = (odeon: OdeonProcess, id: string, msn: number) =>
  expect
    .poll(async () => (await fetch(`${odeon.url}/live/${id}/aac/index.m3u8?_HLS_msn=${msn}`)).text(), {
      timeout: 30_000,
    })
    .toContain(`\n${msn}.m4s`)

/** The recording as PCM at 8 kHz. */
async function recording(odeon: OdeonProcess, id: string): Promise<Float32Array> {
  await expect.poll(async () => (await spaceOf(odeon, id)).replay.state, { timeout: 15_000 }).toBe('ready')
  return decode(
    new Uint8Array(await (await fetch(`${odeon.url}/replay/${id}/audio.m4a`)).arrayBuffer()),
    8000,
  )
}

/** Tenths of a second in which the note is not heard as it should be. */
const gaps = (pcm: Float32Array, hz: number): number[] =>
  Array.from({ length: Math.floor(pcm.length / 800) }, (_, n) =>
    amplitude(pcm.subarray(n * 800, n * 800 + 800), hz, 8000),
  )
    .map((size, n) => (size < 0.1 ? n : -1))
    .filter((n) => n >= 0)

test(
  'Ctrl-C in the middle of a space loses nothing: its replay is there at the next start',
  { timeout: 90_000 },
  async () => {
    const first = await start()
    const { id, host } = await openSpace(first.url, 'Ctrl-C')
    const speaker = await goOnStage(first.url, id, host.token)
    const humming = await hum(speaker, 500)
    await segmentStored(first, id, 1)
    const startedAt = (await call<{ startedAt: number }>(`${first.url}/api/spaces/${id}`, 'GET')).body
      .startedAt
    const lived = Date.now() - startedAt
    expect(await first.stop('SIGINT')).toBe(0)
    humming.stop()
    await speaker.vanish()

    const second = await start({ folder: first.folder })
    const pcm = await recording(second, id)
    expect(pcm.length / 8).toBeGreaterThan(lived - 40)
    const silent = gaps(pcm, 500).map((n) => n / 10)
    expect(silent.filter((at) => at > 2 && at < pcm.length / 8000 - 0.2)).toEqual([])
    expect(await spaceOf(second, id)).toMatchObject({ state: 'ended' })
  },
)

test(
  'after kill -9 in the middle of a space, the next start makes a replay of what was stored',
  { timeout: 90_000 },
  async () => {
    const first = await start()
    const { id, host } = await openSpace(first.url, 'Killed')
    const speaker = await goOnStage(first.url, id, host.token)
    const humming = await hum(speaker, 500)
    await segmentStored(first, id, 2)
    await first.stop('SIGKILL')
    humming.stop()
    await speaker.vanish()

    const second = await start({ folder: first.folder })
    const pcm = await recording(second, id)
    expect(pcm.length).toBeGreaterThanOrEqual(2 * 1.92 * 8000 - 200)
    expect((await spaceOf(second, id)).state).toBe('ended')
    const replay = await (await fetch(`${second.url}/replay/${id}/index.m3u8`)).text()
    expect(replay).toContain('#EXT-X-ENDLIST')
  },
)

test.skipIf(process.platform === 'win32')(
  'ffmpeg killed again and again is restarted, and no listener loses a sample',
  { timeout: 90_000 },
  async () => {
    const odeon = await start()
    const { id, host } = await openSpace(odeon.url, 'ffmpeg')
    const speaker = await goOnStage(odeon.url, id, host.token)
    const humming = await hum(speaker, 500)
    let kills = 0
    for (const msn of [1, 2, 3]) {
      await segmentStored(odeon, id, msn)
      for (const pid of childrenOf(odeon.child.pid!)) {
        process.kill(pid, 'SIGKILL')
        kills++
      }
    }
    expect(kills).toBeGreaterThanOrEqual(3)
    await segmentStored(odeon, id, 5)
    humming.stop()
    await speaker.close()
    await call(`${odeon.url}/api/spaces/${id}/end`, 'POST', undefined, host.token)
    const pcm = await recording(odeon, id)
    const silent = gaps(pcm, 500).map((n) => n / 10)
    expect(silent.filter((at) => at > 2 && at < 5 * 1.92)).toEqual([])
    const metrics = await (await fetch(`${odeon.url}/metrics`)).text()
    expect(Number(/^odeon_ffmpeg_restarts_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(3)
  },
)

/** Pids of the ffmpegs that a process started. */
function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children.split(/\s+/).filter(Boolean).map(Number)
}

test(
  'a busy port, a wrong setting and a folder that can’t be made are told in one sentence',
  { timeout: 30_000 },
  async () => {
    const server = createServer().listen(0, 'localhost')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await expect(startOdeonProcess({ env: { PORT: String(port) } })).rejects.toThrow(
      new RegExp(
        `ended with 1:\\s+Port ${port} is in use by another program\\. .*PORT=${port + 1} npm start\\s*$`,
      ),
    )
    server.close()
    await expect(startOdeonProcess({ env: { PORT: 'http' } })).rejects.toThrow(
      /The settings are wrong: PORT: .*\.\s*$/,
    )
    await expect(startOdeonProcess({ folder: '/dev/null/data' })).rejects.toThrow(
      /data folder .* Choose another with ODEON_DATA/,
    )
    await expect(startOdeonProcess({ env: { ODEON_TLS_CERT: '/nowhere.pem' } })).rejects.toThrow(
      /both ODEON_TLS_CERT and ODEON_TLS_KEY/,
    )
  },
)

const openssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()

test.skipIf(!openssl)(
  `with a certificate HTTPS and HTTP/2 are served${openssl ? '' : ' (openssl makes the certificate; on Debian: apt-get install openssl)'}`,
  { timeout: 30_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odeon-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-keyout', key, '-out', cert]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject], { stdio: 'ignore' })
    try {
      const odeon = await start({ env: { ODEON_TLS_CERT: cert, ODEON_TLS_KEY: key } })
      expect(odeon.url).toMatch(/^https:/)
      const session = connect(odeon.url, { ca: readFileSync(cert) })
      const ask = (path: string, method = 'GET', body?: string): Promise<{ status: number; text: string }> =>
        new Promise((resolve, reject) => {
          const stream = session.request({
            ':path': path,
            ':method': method,
            'content-type': 'application/json',
          })
          let text = ''
          let status = 0
          stream.on('response', (headers) => (status = headers[':status']!))
          stream.on('data', (data: Buffer) => (text += data.toString()))
          stream.on('end', () => resolve({ status, text }))
          stream.on('error', reject)
          stream.end(body)
        })
      expect(await ask('/healthz')).toEqual({ status: 200, text: 'alive\n' })
      expect((await ask('/time')).status).toBe(200)
      expect((await ask('/')).text).toContain('<html')
      expect((await ask('/api/session', 'POST', '{"name":"Ana"}')).status).toBe(201)
      expect((await ask('/live/nosuchspace/index.m3u8')).status).toBe(404)
      session.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
