import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createLogger } from '../../logger.ts'
import { Registry } from '../../metrics.ts'
import { FIRST } from '../../ports.ts'
import { describeJobs } from '../contract/jobs.ts'
import { describeLog } from '../contract/log.ts'
import { describeObjects } from '../contract/objects.ts'
import { describeStore } from '../contract/store.ts'
import { openEmbeddedPorts } from './index.ts'
import { openInProcessJobs } from './jobs.ts'
import { openMemoryLog } from './log.ts'
import { openFolderObjects } from './objects.ts'
import { openSqliteStore } from './store.ts'

const folder = mkdtempSync(join(tmpdir(), 'odeon-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))
let count = 0
const fresh = (): string => join(folder, String(count++))

describeLog('in memory', () => Promise.resolve(openMemoryLog()))
describeStore('in SQLite', () => Promise.resolve(openSqliteStore({ file: fresh() })))
describeJobs('in process', () =>
  Promise.resolve(openInProcessJobs({ logger: createLogger('silent'), retry: { first: 1, longest: 4 } })),
)
describeObjects('in a folder', () => openFolderObjects({ folder: fresh() }))

test('a memory log that is full drops its oldest entries and counts them', async () => {
  const log = openMemoryLog({ maxBytes: 1000 })
  for (let n = 1; n <= 15; n++) await log.append('k', { major: 1, minor: n }, new Uint8Array(100))
  expect((await log.read('k', FIRST)).map((entry) => entry.id.minor)).toEqual([
    6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  ])
  expect(log.dropped).toBe(5)
})

test('a memory log is bounded in entries too, for bodies without bytes', async () => {
  const log = openMemoryLog({ maxEntries: 3 })
  for (let n = 1; n <= 5; n++) await log.append('k', { major: 1, minor: n }, new Uint8Array(0))
  expect((await log.read('k', FIRST)).map((entry) => entry.id.minor)).toEqual([3, 4, 5])
  expect(log.dropped).toBe(2)
})

test('a memory log that drops keeps its fence, and the newest entry however large', async () => {
  const log = openMemoryLog({ maxBytes: 10 })
  await log.append('k', { major: 1, minor: 7 }, new Uint8Array(1))
  await log.append('k', { major: 1, minor: 8 }, new Uint8Array(100))
  expect((await log.read('k', FIRST)).map((entry) => entry.id.minor)).toEqual([8])
  expect(await log.append('k', { major: 1, minor: 7 }, new Uint8Array(1))).toBe('refused')
})

test('readers of a memory log wait up to a number; the next is turned away and counted', async () => {
  const log = openMemoryLog({ maxWaiters: 2 })
  const waiting = [1, 2].map(() => log.read('k', FIRST, { waitMs: 10_000 }))
  await expect(log.read('k', FIRST, { waitMs: 10_000 })).rejects.toMatchObject({ code: 'too_many_waiting' })
  expect(log.turnedAway).toBe(1)
  await log.append('k', { major: 1, minor: 1 }, Uint8Array.of(1))
  for (const entries of await Promise.all(waiting)) expect(entries).toHaveLength(1)
  const free = log.read('k', { major: 1, minor: 1 }, { waitMs: 10_000 })
  await log.close()
  expect(await free).toEqual([])
})

test('a log that expires in a month is still there now', async () => {
  const log = openMemoryLog()
  await log.append('k', { major: 1, minor: 1 }, Uint8Array.of(1))
  await log.expire('k', 30 * 24 * 3600_000)
  await new Promise((resolve) => setTimeout(resolve, 2)) // A timer of 1 ms would have fired before this one.
  expect(await log.newest('k')).toBeDefined()
  await log.close()
})

test('leases and counters run out by the clock that is handed in', async () => {
  let now = 1_790_000_000_000
  const store = openSqliteStore({ file: ':memory:', now: () => now })
  const lease = (await store.acquire('l', 'ana', 2000))!
  await store.increment('c', 3, 2000)
  now += 1999
  expect(await store.renew(lease, 2000)).toBe(true)
  expect(await store.increment('c', 1, 2000)).toBe(4)
  now += 1999
  expect(await store.holder('l')).toEqual(lease)
  expect(await store.increment('c', 1, 2000)).toBe(1)
  now += 1
  expect(await store.holder('l')).toBeUndefined()
  expect(await store.renew(lease, 2000)).toBe(false)
  await store.close()
})

test('what the embedded log drops can be read in the metrics', async () => {
  const registry = new Registry()
  const ports = await openEmbeddedPorts({ folder: fresh(), logger: createLogger('silent'), registry })
  expect(await registry.metrics()).toMatch(/^odeon_log_dropped_entries_total 0$/m)
  await Promise.all([ports.log.close(), ports.store.close(), ports.jobs.close(), ports.objects.close()])
})

test('documents survive the process', async () => {
  const file = fresh()
  const store = openSqliteStore({ file })
  await store.put('d', { kept: true }, 0)
  await store.close()
  const again = openSqliteStore({ file })
  expect((await again.get('d'))?.value).toEqual({ kept: true })
  await again.close()
})

test('what a killed process left half written is neither listed nor kept', async () => {
  const path = fresh()
  const objects = await openFolderObjects({ folder: path })
  await objects.put('a/whole', Uint8Array.of(1), 'audio/mp4')
  writeFileSync(join(path, 'a', '.writing-123'), 'half')
  expect((await objects.list('a/')).map((found) => found.key)).toEqual(['a/whole'])
  await openFolderObjects({ folder: path })
  expect(readdirSync(join(path, 'a'))).toEqual(['whole'])
})
