import { afterEach, expect, test } from 'vitest'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { logKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'
import { readSpace, type SpacePiece } from './pcm-reader.ts'
import { chirp, relativeError, rms } from './testing/sound.ts'
import { mixer, opusOf, stage } from './testing/space-log.ts'

const id = 'reader00'
const logs: Log[] = []
const openLog = () => {
  const log = openMemoryLog()
  logs.push(log)
  return log
}
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()))
})
const { packets, heard } = await opusOf(chirp(150))

interface Given {
  from?: number
  startedAt?: number
  now?: () => number
}

async function read(log: Log, { from = 0, startedAt = Date.now(), now }: Given = {}) {
  const damaged: string[] = []
  const pieces: SpacePiece[] = []
  for await (const piece of readSpace({
    log,
    key: logKey(id),
    from,
    startedAt,
    signal: new AbortController().signal,
    onDamaged: (error) => damaged.push(String(error)),
    ...(now && { now }),
  }))
    pieces.push(piece)
  const frames = pieces.filter((piece) => piece.kind === 'frame')
  const pcm = new Float32Array(frames.length * 960)
  frames.forEach((piece, i) => pcm.set(piece.pcm, i * 960))
  expect(frames.map(({ frame }) => frame)).toEqual(frames.map((_, i) => from + i))
  return { frames, pcm, end: pieces.at(-1), damaged }
}
const between = (pcm: Float32Array, from: number, to: number) => pcm.subarray(from * 960, to * 960)

test('the sound of a space is what its packets decode to, from the first frame to its end', async () => {
  const log = openLog()
  const { claim, frame, end } = mixer(log, id)
  await claim()
  for (let n = 0; n < 150; n++) await frame(n, packets[n]!, n === 96 ? [stage('One')] : [])
  await end(150)
  const space = await read(log)
  expect(space.pcm).toEqual(heard)
  expect(space.end).toEqual({ kind: 'end', frame: 150, reason: 'host' })
  expect(space.frames.filter(({ events }) => events.length > 0).map(({ frame }) => frame)).toEqual([96])
})

test('a reader that starts in the middle hears nearly the same, since it decodes ten frames more', async () => {
  const log = openLog()
  await mixer(log, id).frames(packets, 0, 150)
  await mixer(log, id).end(150)
  for (const from of [3, 60, 149]) {
    const { pcm } = await read(log, { from })
    expect(relativeError(pcm, between(heard, from, 150))).toBeLessThan(0.01)
  }
})

test('a hole is silence of exactly its length, and the sound behind it stands where it was said', async () => {
  const log = openLog()
  await mixer(log, id, 1).frames(packets, 0, 50)
  await mixer(log, id, 4).claim()
  await mixer(log, id, 4).frames(packets, 81, 150)
  await mixer(log, id, 4).end(153)
  const space = await read(log)
  expect(between(space.pcm, 0, 50)).toEqual(between(heard, 0, 50))
  expect(rms(between(space.pcm, 50, 81))).toBe(0)
  expect(relativeError(between(space.pcm, 85, 150), between(heard, 85, 150))).toBeLessThan(0.02)
  expect(rms(between(space.pcm, 150, 153))).toBe(0)
  expect(space.end).toEqual({ kind: 'end', frame: 153, reason: 'host' })
})

test('a reader finds its frame in a log of several owners that was trimmed', async () => {
  const log = openLog()
  await mixer(log, id, 1).frames(packets, 0, 50)
  await mixer(log, id, 2).claim()
  await mixer(log, id, 2).frames(packets, 50, 100)
  await mixer(log, id, 7).claim()
  await mixer(log, id, 7).frames(packets, 100, 150)
  await mixer(log, id, 7).end(150)
  await log.trim(logKey(id), { major: 1, minor: 31 })
  for (const from of [45, 60, 104, 130]) {
    const { frames } = await read(log, { from })
    expect(frames).toHaveLength(150 - from)
    expect(frames.every(({ pcm }) => rms(pcm) > 0.01)).toBe(true)
  }
})

test('a damaged entry, a foreign one and a packet that is none are counted and silent', async () => {
  const log = openLog()
  const { frame, raw, frames, end } = mixer(log, id)
  await frames.call(mixer(log, id), packets, 0, 50)
  await raw(50, Uint8Array.of(99, 1, 2, 3))
  await raw(51, new Uint8Array(0))
  await frame(52, Uint8Array.of(0xff, 0xff, 0xff))
  await frames.call(mixer(log, id), packets, 53, 100)
  await end(100)
  const space = await read(log)
  expect(space.damaged).toHaveLength(3)
  expect(space.frames).toHaveLength(100)
  expect(rms(between(space.pcm, 50, 53))).toBe(0)
  expect(relativeError(between(space.pcm, 60, 100), between(heard, 60, 100))).toBeLessThan(0.05)
})

test('a hole of more than 60 s ends the space where it begins', async () => {
  const log = openLog()
  await mixer(log, id).frames(packets, 0, 50)
  await mixer(log, id, 2).claim()
  await mixer(log, id, 2).frame(50 + 3001, packets[50]!)
  expect((await read(log)).end).toEqual({ kind: 'end', frame: 50, reason: 'hole' })
})

test('one of exactly 60 s does not', async () => {
  const log = openLog()
  await mixer(log, id).frames(packets, 0, 50)
  await mixer(log, id, 2).frame(50 + 3000, packets[50]!)
  await mixer(log, id, 2).end(3051)
  expect((await read(log)).end).toEqual({ kind: 'end', frame: 3051, reason: 'host' })
})

test('a space whose mixer never comes back has ended once 60 s have passed', async () => {
  const log = openLog()
  await mixer(log, id).frames(packets, 0, 50)
  const startedAt = 1_000_000
  const now = () => startedAt + 1000 + 60_001
  expect((await read(log, { startedAt, now })).end).toEqual({ kind: 'end', frame: 50, reason: 'hole' })
})
