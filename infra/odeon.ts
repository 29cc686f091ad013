import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createControlPlane, type ControlPlane } from '@odeon/api/control/control.ts'
import { findIngest } from '@odeon/api/control/ingest-nodes.ts'
import { superviseSpaces } from '@odeon/api/control/janitor.ts'
import { createOps } from '@odeon/api/ops.ts'
import { createOrigin } from '@odeon/api/origin/origin.ts'
import { createPages } from '@odeon/api/pages.ts'
import { listen, sendError, type Handler } from '@odeon/api/server.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { REPLICAS } from '@odeon/common/keys.ts'
import { createLogger, type Logger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { startIngest, type Ingest } from '@odeon/ingest/ingest.ts'
import { takePlace } from '@odeon/transcoder/place.ts'
import { startTranscoder, type Transcoder } from '@odeon/transcoder/transcoder.ts'
import { openPorts, type OpenPorts } from './ports.ts'
import { assertShareable, type Role, type Settings } from './settings.ts'

export interface Odeon {
  port: number
  /**
   * Alone: ends the live spaces, stores what is left of them, makes their replays, and stops. On Redis: leaves everything to the other
   * processes and stops.
   */
  close(): Promise<void>
}

const PLAYER = fileURLToPath(new URL('../player/dist', import.meta.url))
/** What the end of a space may take: its last segment, and the replay of an hour. */
const FINISH_MS = 20_000
/** What leaving may take: answers under way, of which the longest is a segment that grows. */
const LEAVE_MS = 20_000
const ANSWERS_MS = 8000
const CLOSE_MS = 5000

/** What a part of the process needs from the whole. */
interface House {
  settings: Settings
  ports: OpenPorts
  logger: Logger
  registry: Registry
  secret: string
  internalSecret: string
}

/** Everything that was started, to be stopped in the opposite order. */
class Closers {
  readonly #closers: (() => Promise<void> | void)[] = []

  add(close: () => Promise<void> | void): void {
    this.#closers.unshift(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close()
  }
}

/** The given roles in one process; all of them on this machine's own disk, or any on Redis and S3. */
export async function startOdeon(settings: Settings, roles: ReadonlySet<Role>): Promise<Odeon> {
  assertShareable(roles, settings)
  const logger = createLogger(settings.ODEON_LOG_LEVEL)
  const registry = new Registry()
  const secret = settings.ODEON_SECRET ?? keptSecret(openFolder(settings.ODEON_DATA))
  const isDoor = roles.has('control') || roles.has('origin')
  const pages = isDoor ? createPages({ folder: PLAYER, origins: settings.ODEON_ORIGINS }) : undefined
  const started = new Closers()
  try {
    const ports = await openPorts({
      settings,
      logger,
      registry,
      folder: () => openFolder(settings.ODEON_DATA),
    })
    started.add(ports.close)
    const internalSecret = createHmac('sha256', secret).update('odeon internal').digest('base64url')
    const house: House = { settings, ports, logger, registry, secret, internalSecret }

    const transcoder = roles.has('transcoder') ? await openTranscoder(house, started) : undefined
    const ingest = roles.has('ingest') ? await openIngest(house, started) : undefined
    let leaving = false
    const parts: ((...args: Parameters<Handler>) => boolean)[] = []
    if (roles.has('origin')) {
      const origin = createOrigin({ log: ports.log, objects: ports.objects, logger, registry })
      started.add(() => origin.close())
      parts.push((request, response) => origin.handle(request, response))
    }
    parts.push(createOps({ registry, ports, leaving: () => leaving }))
    const control = roles.has('control') ? openControl(house, ingest) : undefined
    const handler: Handler = (request, response) => {
      if (parts.some((part) => part(request, response))) return
      const isApi = request.url === '/api' || request.url?.startsWith('/api/')
      if (control && isApi) return control.handle(request, response)
      if (pages && !isApi) return pages(request, response)
      sendError(
        response,
        new AppError(404, 'not_found', 'This process has no such page; one with the role api does.'),
      )
    }
    const { ODEON_TLS_CERT: cert, ODEON_TLS_KEY: key } = settings
    const http = await listen({
      host: settings.HOST,
      port: settings.PORT,
      tls: cert && key ? { cert, key } : undefined,
      handler,
      upgrade: control?.upgrade,
    })
    started.add(() => http.close())
    started.add(() => control?.close())
    if (roles.has('control')) {
      const janitor = superviseSpaces({
        ports,
        logger,
        logIsDurable: ports.shared,
        replicas: ports.shared ? REPLICAS : [],
      })
      started.add(() => janitor.close())
    }

    /** The spaces end with the process that holds their log. */
    const finish = async (): Promise<void> => {
      await ingest?.endAll('shutdown')
      if (transcoder) await within(FINISH_MS, transcoder.idle())
    }
    const leave = async (): Promise<void> => {
      leaving = true
      control?.close()
      await within(
        LEAVE_MS,
        Promise.all([http.drain(ANSWERS_MS), ingest?.handOver(), transcoder?.close()]).then(() => {}),
      )
    }
    let closing: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      if (!ports.shared) {
        await finish()
        return started.close()
      }
      await leave()
      // While Redis is away, what waits for it would wait for ever. The others do without this process's goodbye.
      await within(CLOSE_MS, started.close())
    }
    return { port: http.port, close: () => (closing ??= stop()) }
  } catch (error) {
    await started.close()
    throw error
  }
}

async function openIngest(
  { settings, ports, logger, registry, internalSecret }: House,
  started: Closers,
): Promise<Ingest> {
  const ingest = await startIngest({
    ports,
    logger,
    registry,
    secret: internalSecret,
    host: settings.ODEON_INTERNAL_HOST,
    port: settings.ODEON_INTERNAL_PORT,
    iceServers: settings.ODEON_ICE_SERVERS.map((server) => ({
      urls: server.urls,
      ...(server.username !== undefined && { username: server.username }),
      ...(server.credential !== undefined && { credential: server.credential }),
    })),
    addresses: ['127.0.0.1', ...(settings.ODEON_PUBLIC_IP ? [settings.ODEON_PUBLIC_IP] : [])],
    udpPorts: settings.ODEON_UDP_PORTS,
    emptyMs: settings.ODEON_EMPTY_MINUTES * 60_000,
    maxSpaces: settings.ODEON_MAX_SPACES,
    shared: ports.shared,
  })
  started.add(() => ingest.close())
  return ingest
}

async function openTranscoder(
  { settings, ports, logger, registry }: House,
  started: Closers,
): Promise<Transcoder> {
  let replica = settings.ODEON_REPLICA
  if (ports.shared && !replica) {
    const place = await takePlace({ store: ports.store, logger })
    started.add(() => place.close())
    replica = place.replica
  }
  const transcoder = startTranscoder({
    ports,
    logger,
    registry,
    maxSpaces: settings.ODEON_MAX_JOBS,
    ...(ports.shared && replica && { replica }),
    ...(settings.FFMPEG_PATH && { ffmpegPath: settings.FFMPEG_PATH }),
  })
  started.add(() => transcoder.close())
  return transcoder
}

function openControl(
  { settings, ports, logger, registry, secret, internalSecret }: House,
  ingest: Ingest | undefined,
): ControlPlane {
  const alone = !ports.shared && ingest
  return createControlPlane({
    ports,
    secret,
    ingestFor: alone ? () => Promise.resolve(alone.url) : findIngest(ports.store, Date.now),
    internalSecret,
    logger,
    registry,
    shared: ports.shared,
    trustedProxies: settings.ODEON_TRUSTED_PROXIES,
    ice:
      settings.ODEON_TURN_URLS.length > 0
        ? { urls: settings.ODEON_TURN_URLS, secret: settings.ODEON_TURN_SECRET ?? '' }
        : undefined,
    replicas: ports.shared ? REPLICAS : ['a'],
  })
}

function openFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 }) // It holds invitations and the secret.
    return folder
  } catch (cause) {
    throw new AppError(
      500,
      'bad_data_folder',
      `The data folder ${folder} can't be made (${messageOf(cause)}). Choose another with ODEON_DATA.`,
      { cause },
    )
  }
}

/** The secret of this installation, made once: whole or not at all. */
function keptSecret(folder: string): string {
  const file = join(folder, 'secret')
  const kept = readIfThere(file)
  if (kept !== undefined && kept.length >= 32) return kept
  const secret = randomBytes(32).toString('base64url')
  const temporary = `${file}.new`
  writeFileSync(temporary, secret, { mode: 0o600 })
  renameSync(temporary, file)
  return secret
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AppError(
      500,
      'bad_secret',
      `${file} can't be read (${messageOf(cause)}). Mend its permissions.`,
      { cause },
    )
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
