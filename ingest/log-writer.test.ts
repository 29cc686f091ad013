import { expect, test } from 'vitest'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { frameOf, type LogEntry } from '@odeon/common/frame.ts'
import { FIRST, type Log } from '@odeon/common/ports.ts'
import { LogWriter } from './log-writer.ts'

const frame: LogEntry = { kind: 'frame', opus: Uint8Array.of(1), events: [] }

/** The real log, which can be taken away. */
function unsteady(log: Log): Log & { away: boolean } {
  const wrapped = {
    ...log,
    away: false,
    append: (...args: Parameters<Log['append']>) =>
      wrapped.away ? Promise.reject(new Error('away')) : log.append(...args),
  }
  return wrapped
}

function open(log: Log, epoch = 1) {
  const seen = { fenced: 0, dropped: 0, errors: 0 }
  const writer = new LogWriter({
    log,
    key: 'k',
    epoch,
    onFenced: () => seen.fenced++,
    onDropped: (count) => (seen.dropped += count),
    onError: () => seen.errors++,
  })
  return { writer, seen }
}
const framesIn = async (log: Log): Promise<number[]> =>
  (await log.read('k', FIRST, { limit: 5000 })).map(({ id }) => frameOf(id))

test('frames wait while the log is away, and are written in order when it is back', async () => {
  const log = unsteady(openMemoryLog())
  const { writer, seen } = open(log)
  writer.write(0, frame)
  await writer.flushed()
  log.away = true
  for (let n = 1; n < 20; n++) writer.write(n, frame)
  await expect.poll(() => seen.errors).toBeGreaterThan(0)
  log.away = false
  await writer.flushed()
  expect(await framesIn(log)).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('30 s are held; after that the oldest frames go, and are counted', async () => {
  const log = unsteady(openMemoryLog())
  const { writer, seen } = open(log)
  log.away = true
  for (let n = 0; n < 1600; n++) writer.write(n, frame)
  expect(seen.dropped).toBe(100)
  log.away = false
  await writer.flushed()
  expect((await framesIn(log))[0]).toBe(100)
  expect(await framesIn(log)).toHaveLength(1500)
})

test('a writer that the log refuses falls silent for good', async () => {
  const log = openMemoryLog()
  const { writer, seen } = open(log)
  writer.write(0, frame)
  await writer.flushed()
  await log.append('k', { major: 2, minor: 0 }, new Uint8Array(0))
  writer.write(1, frame)
  await writer.flushed()
  writer.write(2, frame)
  expect(seen.fenced).toBe(1)
  expect(await framesIn(log)).toEqual([0, -1])
})
