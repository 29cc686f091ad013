import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { AppError } from '@odeon/common/errors.ts'
import { startOdeon, type Odeon } from './odeon.ts'
import { isEverything, readRoles, readSettings, settingsHelp, type Role, type Settings } from './settings.ts'

/** `npm start`: reads the settings, starts, says where it is, and stops cleanly on Ctrl-C. */

function addresses({ HOST, ODEON_TLS_CERT }: Settings, port: number): string[] {
  const scheme = ODEON_TLS_CERT ? 'https' : 'http'
  if (HOST !== '0.0.0.0' && HOST !== '::') return [`${scheme}://${HOST}:${port}`]
  const others = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address && !address.internal && address.family === 'IPv4')
  return ['localhost', ...others.map((address) => address!.address)].map(
    (host) => `${scheme}://${host}:${port}`,
  )
}

function places(settings: Settings): string {
  const { REDIS_URL, S3_ENDPOINT, S3_BUCKET, ODEON_DATA } = settings
  const recordings = S3_ENDPOINT
    ? `recordings in ${S3_BUCKET} at ${S3_ENDPOINT}`
    : `recordings in ${resolve(ODEON_DATA)}`
  return REDIS_URL
    ? `log, store and jobs in Redis, ${recordings}`
    : `memory log, SQLite in ${resolve(ODEON_DATA)}, ${recordings}`
}

function greet(settings: Settings, roles: ReadonlySet<Role>, port: number): void {
  const [first, ...rest] = addresses(settings, port)
  console.log(`
  Odeon is open:  ${first}
${rest.map((address) => `                  ${address}\n`).join('')}
  ${isEverything(roles) ? 'one process' : [...roles].join(' and ')}, ${places(settings)}
  ${settings.ODEON_TLS_CERT ? 'HTTPS and HTTP/2' : 'HTTP: microphones work on localhost only; set ODEON_TLS_CERT and ODEON_TLS_KEY for other devices'}
  ${settings.REDIS_URL ? 'Ctrl-C leaves what is live to the other processes.' : 'Ctrl-C ends it; what was said is kept.'}
`)
}

function stopOnSignals(odeon: Odeon): void {
  let asked = 0
  const stop = (): void => {
    if (++asked > 1) process.exit(1)
    console.log('\n  Closing: what is under way is being finished. Ctrl-C again to stop at once.')
    odeon.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

async function main(): Promise<void> {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    console.log(settingsHelp())
    return
  }
  const settings = readSettings(process.env)
  const roles = readRoles(process.argv.slice(2))
  const odeon = await startOdeon(settings, roles)
  stopOnSignals(odeon)
  greet(settings, roles, odeon.port)
}

main().catch((error: unknown) => {
  console.error(error instanceof AppError ? `\n  ${error.message}\n` : error)
  process.exit(1)
})
