import { isIP } from 'node:net'
import { z } from 'zod'
import { isProxy } from '@odeon/api/control/client-address.ts'
import { AppError } from '@odeon/common/errors.ts'
import { REPLICAS } from '@odeon/common/keys.ts'
import { explain } from '@odeon/common/parse.ts'

/** Every setting of Odeon, read from the environment once, at the start. The descriptions are what `--help` prints. */

const portRange = z
  .string()
  .regex(/^\d+-\d+$/, 'wanted: two ports with a hyphen, like 40000-40999')
  .transform((text) => text.split('-').map(Number) as [number, number])
  .refine(
    ([low, high]) => low >= 1024 && high <= 65_535 && high - low >= 3,
    'wanted: 1024-65535, at least 4 ports',
  )

const iceServers = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue('wanted: JSON, like [{"urls":"stun:stun.example.org"}]')
      return z.NEVER
    }
  })
  .pipe(
    z.array(
      z.object({ urls: z.string(), username: z.string().optional(), credential: z.string().optional() }),
    ),
  )

/** Nothing but what a header and a page may hold as it stands. */
const origins = z.string().transform((text, context) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const url = URL.canParse(part) ? new URL(part) : undefined
      const isOrigin = url && /^https?:\/\/[\w.:[\]-]+$/.test(url.origin) && url.href === `${url.origin}/`
      if (isOrigin) return url.origin
      context.addIssue(`wanted: https://host:port, some with commas; "${part}" is none`)
      return ''
    }),
)

const proxies = z.string().transform((text, context) => {
  const proxies = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const bad = proxies.find((proxy) => !isProxy(proxy))
  if (bad !== undefined)
    context.addIssue(
      `wanted: 10.1.0.0/16, 2001:db8::7, loopback or private, some with commas; "${bad}" is none`,
    )
  return proxies
})

const iceUrls = z.string().transform((text, context) => {
  const urls = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const bad = urls.find((url) => !/^(stun|turn)s?:[\w.:[\]-]+(\?transport=(udp|tcp))?$/.test(url))
  if (bad !== undefined) context.addIssue(`wanted: turn:host:port, some with commas; "${bad}" is none`)
  return urls
})

export const Settings = z
  .object({
    PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(8080)
      .describe('where HTTP listens; 0 takes a free port'),
    HOST: z
      .string()
      .default('0.0.0.0')
      .describe('the address it listens on; 127.0.0.1 for this machine alone'),
    ODEON_DATA: z.string().default('data').describe('the folder of the database and the recordings'),
    ODEON_SECRET: z
      .string()
      .min(32)
      .optional()
      .describe(
        'signs the guests’ tokens, 32 characters or more; made and kept in the data folder if not given',
      ),
    ODEON_TLS_CERT: z.string().optional().describe('PEM file; with its key, HTTPS and HTTP/2 are served'),
    ODEON_TLS_KEY: z.string().optional().describe('PEM file with the private key'),
    ODEON_PUBLIC_IP: z
      .string()
      .refine((text) => isIP(text) !== 0, 'wanted: an IP address')
      .optional()
      .describe('offered to speakers beside the addresses of this machine, e.g. in front of a NAT'),
    ODEON_UDP_PORTS: portRange
      .optional()
      .describe('UDP ports for speakers, like 40000-40999; any if not given'),
    ODEON_ICE_SERVERS: iceServers
      .default([])
      .describe('STUN and TURN servers that this node itself uses, as JSON; none by default'),
    ODEON_TURN_URLS: iceUrls
      .default([])
      .describe(
        'STUN and TURN servers that speakers’ browsers are given: turn:turn.example.org:3478,turns:turn.example.org',
      ),
    ODEON_TURN_SECRET: z
      .string()
      .min(16)
      .optional()
      .describe(
        'coturn’s static-auth-secret, 16 characters or more: makes each speaker a password that ends by itself',
      ),
    ODEON_EMPTY_MINUTES: z.coerce
      .number()
      .positive()
      .default(10)
      .describe('a space with nobody on stage ends after so many minutes'),
    ODEON_MAX_SPACES: z.coerce
      .number()
      .int()
      .positive()
      .default(20)
      .describe('live spaces at once; each takes a few per cent of a core, more with many who talk'),
    ODEON_MAX_JOBS: z.coerce
      .number()
      .int()
      .positive()
      .default(60)
      .describe('live spaces that a transcoder works on at once; others wait for another transcoder'),
    ODEON_LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('warn')
      .describe('how much is logged on standard output: fatal, error, warn, info, debug, trace or silent'),
    ODEON_TRUSTED_PROXIES: proxies
      .default([])
      .describe(
        'proxies in front whose X-Forwarded-For tells the client’s address: addresses, subnets, loopback or private, with commas; nobody else is believed',
      ),
    ODEON_ORIGINS: origins
      .default([])
      .describe(
        'where listeners find the same sound when the server of the page is gone: https://b.example.org,https://c.example.org',
      ),
    REDIS_URL: z
      .string()
      .optional()
      .describe('log, store and jobs in Redis: redis://host:6379, or redis-cluster://host:port,host:port'),
    S3_ENDPOINT: z.string().optional().describe('recordings in MinIO or another S3: http://host:9000'),
    S3_ACCESS_KEY: z.string().optional().describe('its access key'),
    S3_SECRET_KEY: z.string().optional().describe('its secret key'),
    S3_BUCKET: z.string().default('odeon').describe('its bucket; made if it is not there'),
    S3_REGION: z.string().default('us-east-1').describe('its region'),
    ODEON_REPLICA: z
      .enum(REPLICAS)
      .optional()
      .describe(
        'which of the two replicas this transcoder is, a or b; if not given, the one with fewer workers',
      ),
    ODEON_INTERNAL_HOST: z
      .string()
      .default('127.0.0.1')
      .describe('the name or address under which the api reaches this ingest node'),
    ODEON_INTERNAL_PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('and the port; 0 takes a free one'),
    FFMPEG_PATH: z.string().optional().describe('another ffmpeg than the one that npm installed'),
  })
  .refine((settings) => !settings.ODEON_TLS_CERT === !settings.ODEON_TLS_KEY, {
    message: 'wanted: both ODEON_TLS_CERT and ODEON_TLS_KEY, or neither',
    path: ['ODEON_TLS_CERT'],
  })
  .refine(
    ({ ODEON_TURN_URLS, ODEON_TURN_SECRET }) =>
      ODEON_TURN_SECRET !== undefined || ODEON_TURN_URLS.every((url) => url.startsWith('stun')),
    { message: 'wanted: the secret of the TURN servers beside ODEON_TURN_URLS', path: ['ODEON_TURN_SECRET'] },
  )
  .refine((settings) => !settings.S3_ENDPOINT || (settings.S3_ACCESS_KEY && settings.S3_SECRET_KEY), {
    message: 'wanted: S3_ACCESS_KEY and S3_SECRET_KEY beside it',
    path: ['S3_ENDPOINT'],
  })
export type Settings = z.infer<typeof Settings>

/** Throws `bad_settings` that names each wrong variable. Empty variables count as not set. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const result = Settings.safeParse(set)
  if (result.success) return result.data
  throw new AppError(500, 'bad_settings', `The settings are wrong: ${explain(result.error)}.`)
}

/** What a process does: `origin` serves listeners, `control` knows the spaces and who may do what, `ingest` mixes speakers, `transcoder` makes HLS of the mix. */
export type Role = 'control' | 'origin' | 'ingest' | 'transcoder'
const ALL: readonly Role[] = ['control', 'origin', 'ingest', 'transcoder']

/** What `--roles` takes: most installations have no need to part `control` and `origin`. */
const NAMES: Record<string, readonly Role[]> = {
  api: ['control', 'origin'],
  ...Object.fromEntries(ALL.map((role) => [role, [role]])),
}
/** A word of `--roles`. */
export type RoleName = Role | 'api'

export const isEverything = (roles: ReadonlySet<Role>): boolean => roles.size === ALL.length

/** The roles of `--roles=api,ingest`, all without it. Throws `bad_roles`. */
export function readRoles(args: readonly string[]): Set<Role> {
  const given = args.find((arg) => arg.startsWith('--roles='))?.slice('--roles='.length)
  if (given === undefined) return new Set(ALL)
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !Object.hasOwn(NAMES, name))
  if (unknown !== undefined)
    throw new AppError(
      500,
      'bad_roles',
      `There is no role "${unknown}"; wanted: --roles=api,ingest,transcoder, or some of them (api is control and origin).`,
    )
  return new Set(names.flatMap((name) => NAMES[name]!))
}

/** Throws `alone` or `no_secret`: what several machines share must be somewhere that all of them reach. */
export function assertShareable(roles: ReadonlySet<Role>, settings: Settings): void {
  if (isEverything(roles)) return
  const missing = (['REDIS_URL', 'S3_ENDPOINT', 'ODEON_SECRET'] as const).filter((name) => !settings[name])
  if (missing.length > 0)
    throw new AppError(
      500,
      'alone',
      `A process with a part of the roles shares its work with others; set ${missing.join(', ')} (the same for all), or start without --roles.`,
    )
}

/** The text of `npm start -- --help`. */
export function settingsHelp(): string {
  const rows = Object.entries(Settings.shape).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined)
    const fallback = parsed.success && parsed.data !== undefined ? ` [${JSON.stringify(parsed.data)}]` : ''
    return `  ${name.padEnd(20)} ${schema.description ?? ''}${fallback}`
  })
  return `Odeon: live audio for large audiences.

  npm start                   starts everything in one process, on this machine's own disk
  npm start -- --roles=api    starts a part: api (which is control and origin), ingest, transcoder, or some of them with
                              commas; several of each may run at once, on Redis and S3
  npm start -- --help         this text

Settings are environment variables, e.g.  PORT=9000 npm start
${rows.join('\n')}
`
}
