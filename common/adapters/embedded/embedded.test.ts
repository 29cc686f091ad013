import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createLogger } from '../../logger.ts'
import { FIRST } from '../../ports.ts'
import { describeJobs } from '../contract/jobs.ts'
import { describeLog } from '../contract/log.ts'
import { describeObjects } from '../contract/objects.ts'
import { describeStore } from '../contract/store.ts'
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
