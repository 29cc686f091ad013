import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { openMemoryLog, type MemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import { logKey } from '@odeon/common/keys.ts'
import { readFrames, type LogPiece } from './frame-reader.ts'
import { mixer } from './testing/space-log.ts'

const id = 'frames00'
let log: MemoryLog
afterEach(async () => {
  vi.useRealTimers()
  await log.close()
})

/** A reader that makes something of every fourth frame, and what it was given so far. */
function startReader() {
  log = openMemoryLog()
  const pieces: LogPiece[] = []
  const frames = readFrames({
    log,
    key: logKey(id),
    from: 0,
    startedAt: Date.now(),
    signal: new AbortController().signal,
    worthWaking: (next) => next | 3,
    onDamaged: () => {},
  })
  const reading = (async () => {
    for await (const piece of frames) pieces.push(piece)
  })()
  return { pieces, reading, ...mixer(log, id) }
}
const told = (pieces: readonly LogPiece[]) => pieces.map(({ kind, frame }) => `${kind} ${frame}`)

test('a reader gets the frames of a chunk together, once the last of them is there', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }) // Time stands still.
  const { pieces, reading, claim, frame, end } = startReader()
  await claim()
  await turn()
  for (const n of [0, 1, 2]) {
    await frame(n, SILENT_PACKET)
    await turn()
  }
  expect(told(pieces)).toEqual([])
  await frame(3, SILENT_PACKET)
  await turn()
  expect(told(pieces)).toEqual(['frame 0', 'frame 1', 'frame 2', 'frame 3'])
  await end(4)
  await vi.advanceTimersByTimeAsync(1000)
  await reading
  expect(told(pieces).at(-1)).toBe('end 4')
})

test('the end of a space in the middle of a chunk is given a little after the chunk was due, and what came before it', async () => {
  const { pieces, reading, claim, frame, end } = startReader()
  await claim()
  await frame(0, SILENT_PACKET)
  await end(1)
  await reading
  expect(told(pieces)).toEqual(['frame 0', 'end 1'])
})

test('a chunk whose last frame is missing is given with what comes behind it', async () => {
  const { pieces, reading, claim, frame, end } = startReader()
  await claim()
  await frame(0, SILENT_PACKET)
  await turn()
  await frame(5, SILENT_PACKET)
  await end(6)
  await reading
  expect(told(pieces)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `frame ${n}`).concat('end 6'))
})
