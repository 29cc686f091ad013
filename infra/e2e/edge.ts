import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  findProgram,
  freePorts,
  startProgram,
  temporaryFolder,
} from '@odeon/common/adapters/testing/programs.ts'
import { until } from './until.ts'

/** The caching edge of `infra/edge` before processes of this machine. */

const VARNISH = findProgram('varnishd')
export const HAS_EDGE = VARNISH !== undefined
export const HOW_TO_INSTALL_EDGE = 'needs Varnish: apt install varnish'

export interface Edge {
  url: string
  close(): Promise<void>
}

const settings = (name: string): string => fileURLToPath(new URL(`../edge/${name}`, import.meta.url))

/** `ports`: of the two api nodes, which may be one. */
export async function startEdge(ports: readonly [number, number], port?: number): Promise<Edge> {
  const own = port ?? (await freePorts(1))[0]!
  const folder = temporaryFolder()
  const main = join(folder.path, 'default.vcl')
  copyFileSync(settings('default.vcl'), main)
  writeFileSync(
    join(folder.path, 'backends.vcl'),
    onThisMachine(readFileSync(settings('backends.vcl'), 'utf8'), ports),
  )
  const program = await startProgram(
    VARNISH!,
    [
      ...['-F', '-j', 'none', '-n', join(folder.path, 'work'), '-a', `127.0.0.1:${own}`],
      ...['-f', main, '-s', 'malloc,64m', '-T', 'none', '-p', 'thread_pool_min=300'],
    ],
    { ready: /Child \(\d+\) said Child starts|Child launched OK/ },
  )
  const url = `http://127.0.0.1:${own}`
  await until('the edge answers', async () => (await fetch(url)) !== undefined) // Its child says so a moment before it does.
  return {
    url,
    async close() {
      await program.stop('SIGTERM')
      folder.remove()
    },
  }
}

const CADDY = findProgram('caddy')
export const HAS_TLS = CADDY !== undefined
export const HOW_TO_INSTALL_TLS = 'needs Caddy: apt install caddy'

/** TLS and HTTP/2 before the edge, with a certificate of Caddy's own. */
export async function startTls(edge: Edge): Promise<Edge> {
  const [http, https] = (await freePorts(2)) as [number, number]
  const folder = temporaryFolder()
  const program = await startProgram(
    CADDY!,
    ['run', '--config', settings('Caddyfile'), '--adapter', 'caddyfile'],
    {
      ready: /serving initial configuration/,
      env: {
        HOME: folder.path,
        XDG_DATA_HOME: folder.path,
        XDG_CONFIG_HOME: folder.path,
        ODEON_DOMAIN: 'localhost',
        ODEON_EDGE: new URL(edge.url).host,
        ODEON_HTTP_PORT: String(http),
        ODEON_HTTPS_PORT: String(https),
      },
    },
  )
  return {
    url: `https://localhost:${https}`,
    async close() {
      await program.stop('SIGTERM')
      folder.remove()
    },
  }
}

const onThisMachine = (backends: string, ports: readonly [number, number]): string =>
  backends.replaceAll(
    /\.host = "api-(\d)";\s*\.port = "\d+";/g,
    (_all, n: string) => `.host = "127.0.0.1"; .port = "${ports[Number(n) - 1]}";`,
  )
