import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createControlPlane } from '@odeon/api/control/control.ts'
import { superviseSpaces, type Janitor } from '@odeon/api/control/janitor.ts'
import { createOps } from '@odeon/api/ops.ts'
import { createOrigin } from '@odeon/api/origin/origin.ts'
import { createPages } from '@odeon/api/pages.ts'
import { listen, type Handler } from '@odeon/api/server.ts'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { startIngest } from '@odeon/ingest/ingest.ts'
import { startTranscoder } from '@odeon/transcoder/transcoder.ts'
import type { Settings } from './settings.ts'

export interface Odeon {
  port: number
  /** Ends the live spaces, stores what is left of them, makes their replays, and stops. */
  close(): Promise<void>
}

const PLAYER = fileURLToPath(new URL('../player/dist', import.meta.url))
/** What the end of a space may take: its last segment, and the replay of an hour. */
const FINISH_MS = 20_000

/** Everything in one process, on the embedded adapters. */
export async function startOdeon(settings: Settings): Promise<Odeon> {
  const logger = createLogger(settings.ODEON_LOG_LEVEL)
  const registry = new Registry()
  const folder = openFolder(settings.ODEON_DATA)
  const secret = settings.ODEON_SECRET ?? keptSecret(folder)
  const internalSecret = randomBytes(24).toString('base64url')
  const pages = createPages(PLAYER)
  const ports = await openEmbeddedPorts({ folder, logger, registry })

  const ingest = await startIngest({
    ports,
    logger,
    registry,
    secret: internalSecret,
    host: '127.0.0.1',
    port: 0,
    iceServers: settings.ODEON_ICE_SERVERS.map((server) => ({
      urls: server.urls,
      ...(server.username !== undefined && { username: server.username }),
      ...(server.credential !== undefined && { credential: server.credential }),
    })),
    addresses: ['127.0.0.1', ...(settings.ODEON_PUBLIC_IP ? [settings.ODEON_PUBLIC_IP] : [])],
    udpPorts: settings.ODEON_UDP_PORTS,
    emptyMs: settings.ODEON_EMPTY_MINUTES * 60_000,
    maxSpaces: settings.ODEON_MAX_SPACES,
  })
  const transcoder = startTranscoder({
    ports,
    logger,
    registry,
    ...(settings.FFMPEG_PATH && { ffmpegPath: settings.FFMPEG_PATH }),
  })
  const control = createControlPlane({
    ports,
    secret,
    ingestFor: () => Promise.resolve(ingest.url),
    internalSecret,
    logger,
    registry,
  })
  const origin = createOrigin({ log: ports.log, objects: ports.objects, logger, registry })
  const ops = createOps({ registry, ports })
  const handler: Handler = (request, response) => {
    if (origin.handle(request, response) || ops(request, response)) return
    if (request.url === '/api' || request.url?.startsWith('/api/')) return control(request, response)
    pages(request, response)
  }

  let closing: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await ingest.endAll('shutdown')
    await within(FINISH_MS, transcoder.idle())
    await Promise.all([http?.close(), origin.close(), janitor?.close()])
    await Promise.all([ingest.close(), transcoder.close()])
    await Promise.all([ports.jobs.close(), ports.log.close(), ports.objects.close()])
    await ports.store.close()
  }
  const { ODEON_TLS_CERT: cert, ODEON_TLS_KEY: key } = settings
  let http: Awaited<ReturnType<typeof listen>> | undefined
  let janitor: Janitor | undefined
  try {
    http = await listen({
      host: settings.HOST,
      port: settings.PORT,
      tls: cert && key ? { cert, key } : undefined,
      handler,
    })
    janitor = superviseSpaces({ ports, logger, logIsDurable: false })
  } catch (error) {
    await stop()
    throw error
  }
  return { port: http.port, close: () => (closing ??= stop()) }
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
