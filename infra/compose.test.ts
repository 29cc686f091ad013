import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { MIXER_FLAGS } from './mixer-flags.ts'
import { readRoles, readSettings, Settings } from './settings.ts'

/** docker-compose.yml against what Odeon takes: no Docker is needed for that. */

const Service = z.object({
  image: z.string(),
  build: z.string().optional(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  volumes: z.array(z.string()).optional(),
})
const root = new URL('../', import.meta.url)
const text = readFileSync(new URL('docker-compose.yml', root), 'utf8')
const { services } = z.object({ services: z.record(z.string(), Service) }).parse(parse(text, { merge: true }))
const ours = Object.entries(services).filter(([, { build }]) => build)

test('there are two of each role, beside Redis, MinIO, edge, TLS and TURN server', () => {
  expect(Object.keys(services).sort()).toEqual([
    'api-1',
    'api-2',
    'coturn',
    'edge',
    'ingest-1',
    'ingest-2',
    'minio',
    'redis',
    'tls',
    'transcoder-1',
    'transcoder-2',
  ])
  const roles = ours.map(([name, { command }]) => [name.replace(/-\d$/, ''), [...readRoles(command!)]])
  expect(Object.fromEntries(roles)).toEqual({
    api: ['control', 'origin'],
    ingest: ['ingest'],
    transcoder: ['transcoder'],
  })
})

test('an ingest node runs with the flags of a mixer, by docker-compose.yml and by npm', () => {
  const scripts = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))).scripts
  expect(services['ingest-1']!.entrypoint!.slice(1)).toEqual([...MIXER_FLAGS, 'infra/start.ts'])
  expect(services['ingest-2']!.entrypoint).toEqual(services['ingest-1']!.entrypoint)
  expect(scripts['start:ingest']).toBe(`node ${MIXER_FLAGS.join(' ')} infra/start.ts --roles=ingest`)
})

test('every setting that it gives is one that Odeon takes, and what it wants to know is in compose.env', () => {
  const asked = new Set<string>()
  /** `${NAME:-default}` and `${NAME:?why}`, as Compose fills them in. */
  const filledIn = (value: string): string =>
    value.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_all, name: string, fallback?: string) => {
      asked.add(name)
      return fallback ?? (name === 'ODEON_PUBLIC_IP' ? '192.0.2.1' : 'a'.repeat(32))
    })
  filledIn(text)
  for (const [, { environment = {} }] of ours) {
    for (const name of Object.keys(environment)) expect(Object.keys(Settings.shape)).toContain(name)
    readSettings(
      Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filledIn(String(value))])),
    )
  }
  const known = readFileSync(new URL('infra/compose.env', root), 'utf8').match(/^\w+(?==)/gm)
  expect([...asked].filter((name) => name !== 'ODEON_LOG_LEVEL').sort()).toEqual(known!.sort())
})

test('every file that it mounts is there, and every image has a version', () => {
  for (const { volumes = [], image, build } of Object.values(services)) {
    for (const [, file] of volumes.flatMap((volume) => [...volume.matchAll(/^\.\/([^:]+):/g)]))
      expect(existsSync(new URL(file!, root)), file).toBe(true)
    if (!build) expect(image).toMatch(/:.*\d/)
  }
})
