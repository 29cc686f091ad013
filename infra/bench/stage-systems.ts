import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newSpaceId, newUserId } from '@odeon/common/ids.ts'
import type { SpeakerOptions } from '@odeon/ingest/werift-speaker.ts'
import { MIXER_FLAGS } from '../mixer-flags.ts'

export interface BenchStage {
  /** How an offer gets onto it. */
  post: SpeakerOptions['post']
  /** A stage costs something, even an empty one. */
  end(): Promise<unknown>
}

/** The two that `bench:stage` compares: our ingest node, and Janus AudioBridge as Debian ships it. The same clients speak to both. */
export interface System {
  name: string
  pid: number
  openStage(): Promise<BenchStage>
  close(): Promise<void>
}

export interface OdeonSystem extends System {
  /** Beats so far, and those of them that were more than 5 ms late. */
  beats(): Promise<{ all: number; late: number }>
}

/** The servers run on the first core alone and this process on the others, where the system can say so. */
const PINNED =
  availableParallelism() > 1 &&
  spawnSync('taskset', ['-a', '-cp', `1-${availableParallelism() - 1}`, String(process.pid)]).status === 0

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  if (child.connected) child.disconnect()
  else child.kill()
  await exit
}

function onFirstCore(script: string, args: string[], flags: readonly string[] = []): ChildProcess {
  const execArgv = [...flags, ...process.execArgv]
  return fork(
    fileURLToPath(new URL(script, import.meta.url)),
    args,
    PINNED ? { execPath: 'taskset', execArgv: ['-c', '0', process.execPath, ...execArgv] } : { execArgv },
  )
}

/** Share of bare timers, each busy for `busyMs`, that come more than 5 ms late on the servers' core. */
export async function lateTimers(busyMs: number, seconds: number): Promise<number> {
  const child = onFirstCore('./stage-timers.ts', [String(busyMs)])
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  child.send('how many')
  const [{ all, late }] = (await once(child, 'message')) as [{ all: number; late: number }]
  await stop(child)
  return late / all
}

export async function startIngestNode(seats: number): Promise<OdeonSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'odeon-stage-'))
  const secret = newUserId()
  const child = onFirstCore('./stage-server.ts', [folder, secret, String(seats)], MIXER_FLAGS)
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  return {
    name: 'odeon',
    pid: child.pid!,
    async openStage() {
      const space = newSpaceId()
      await call('PUT', `/spaces/${space}`, { startedAt: Date.now(), title: 'Bench' })
      const post: BenchStage['post'] = async (sdp) => {
        const speaker = { id: newUserId(), name: 'Bench', role: 'speaker' }
        const response = await call('POST', `/spaces/${space}/sessions`, { sdp, speaker })
        const answer = (await response.json()) as { session: string; sdp: string }
        return {
          answer: answer.sdp,
          remove: async () => void (await call('DELETE', `/spaces/${space}/sessions/${answer.session}`)),
        }
      }
      return { post, end: () => new Promise((resolve) => child.send({ end: space }, resolve)) }
    },
    async beats() {
      child.send('metrics')
      const [{ metrics }] = (await once(child, 'message')) as [{ metrics: string }]
      const value = (name: string): number => {
        const line = metrics.split('\n').find((text) => text.startsWith(`${name} `))
        return Number(line?.slice(name.length + 1) ?? 0)
      }
      const all = value('odeon_beat_lateness_seconds_count')
      return { all, late: all - value('odeon_beat_lateness_seconds_bucket{le="0.005"}') }
    },
    async close() {
      await stop(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const JANUS_HINT =
  'Janus is not installed: `apt-get install -y janus` (Debian) lets the bench compare in the same run.'

/** `/usr/lib/<machine>/janus`; undefined where Debian's package is not installed. */
function findJanus(): string | undefined {
  if (!existsSync('/usr/bin/janus')) return undefined
  return readdirSync('/usr/lib')
    .map((name) => `/usr/lib/${name}/janus`)
    .find((folder) => existsSync(`${folder}/plugins/libjanus_audiobridge.so`))
}

/** Debian's Janus with nothing but the AudioBridge and its HTTP API; undefined where it is not installed. */
export async function startJanus(): Promise<System | undefined> {
  const library = findJanus()
  if (!library) return undefined
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'odeon-janus-'))
  for (const empty of ['events', 'loggers']) mkdirSync(join(folder, empty))
  const others = (kind: string, wanted: string): string =>
    readdirSync(`${library}/${kind}`)
      .filter((name) => name.endsWith('.so') && name !== wanted)
      .join(',')
  writeFileSync(
    join(folder, 'janus.jcfg'),
    `general: { configs_folder = "${folder}", plugins_folder = "${library}/plugins", transports_folder = "${library}/transports",
  events_folder = "${folder}/events", loggers_folder = "${folder}/loggers", session_timeout = 0 }
plugins: { disable = "${others('plugins', 'libjanus_audiobridge.so')}" }
transports: { disable = "${others('transports', 'libjanus_http.so')}" }
`,
  )
  writeFileSync(
    join(folder, 'janus.transport.http.jcfg'),
    `general: { http = true, port = ${port}, ip = "127.0.0.1", https = false }\n`,
  )
  const command = PINNED ? ['taskset', '-c', '0', 'janus'] : ['janus']
  const child = spawn(command[0]!, [...command.slice(1), '-F', folder], { stdio: 'ignore' })
  const base = `http://127.0.0.1:${port}/janus`
  await answering(`${base}/info`)
  const admin = await attach(base)
  let room = 1000
  return {
    name: 'janus',
    pid: child.pid!,
    async openStage() {
      const id = room++
      await admin.message({ request: 'create', room: id, sampling_rate: 48_000, permanent: false })
      const post: BenchStage['post'] = async (sdp) => {
        const handle = await attach(base)
        const answer = await handle.join({ request: 'join', room: id, display: 'Bench' }, sdp)
        return { answer, remove: () => handle.destroy() }
      }
      return { post, end: () => admin.message({ request: 'destroy', room: id }) }
    },
    async close() {
      await stop(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface JanusAnswer {
  janus: string
  data?: { id: number }
  plugindata?: { data: Record<string, unknown> }
  jsep?: { sdp: string }
  error?: { reason: string }
}

/** A session with a handle of the AudioBridge: Janus' HTTP API, whose events come by long polls. */
async function attach(base: string): Promise<{
  message(body: object): Promise<unknown>
  join(body: object, offer: string): Promise<string>
  destroy(): Promise<void>
}> {
  const post = async (path: string, body: object): Promise<JanusAnswer> => {
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      body: JSON.stringify({ ...body, transaction: newUserId() }),
    })
    const answer = (await response.json()) as JanusAnswer
    if (answer.error) throw new Error(`Janus: ${answer.error.reason}`)
    return answer
  }
  const session = (await post('', { janus: 'create' })).data!.id
  const attached = await post(`/${session}`, { janus: 'attach', plugin: 'janus.plugin.audiobridge' })
  const handle = `/${session}/${attached.data!.id}`
  return {
    message: async (body) => (await post(handle, { janus: 'message', body })).plugindata?.data,
    async join(body, sdp) {
      await post(handle, { janus: 'message', body, jsep: { type: 'offer', sdp } })
      for (;;) {
        const event = (await (await fetch(`${base}/${session}?maxev=1`)).json()) as JanusAnswer
        if (event.jsep) return event.jsep.sdp
        if (event.error) throw new Error(`Janus: ${event.error.reason}`)
        if (event.plugindata?.data['error'])
          throw new Error(`Janus: ${String(event.plugindata.data['error'])}`)
      }
    },
    destroy: async () => void (await post(`/${session}`, { janus: 'destroy' })),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('Janus did not start within 10 s.')
}

/** CPU seconds of a process so far, all of its threads, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100 // Clock ticks, 100 a second on Linux.
}
