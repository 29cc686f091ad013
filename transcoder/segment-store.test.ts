import { afterEach, expect, test } from 'vitest'
import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { chunkId, encodeChunk } from '@odeon/common/chunk.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { aacChunksKey, aacSegmentKey, logKey } from '@odeon/common/keys.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { FIRST, type Objects } from '@odeon/common/ports.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { FRAMES_PER_SEGMENT } from '@odeon/common/time.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTranscoderMetrics } from './metrics.ts'
import { storeSegments } from './segment-store.ts'
import { logger } from './testing/live.ts'

const id = 'segments0'
const key = aacChunksKey(id)
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** One turn of the event loop. */
const turn = () => new Promise(setImmediate)

/** Ports with the chunks and the frames of `segments` segments in the logs; `put` may fail. */
async function given(segments: number, put?: (key: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'odeon-'))
  const embedded = await openEmbeddedPorts({ folder, logger })
  closers.push(async () => {
    await Promise.all([embedded.log.close(), embedded.objects.close(), embedded.store.close()])
    await rm(folder, { recursive: true, force: true })
  })
  const { log } = embedded
  const puts: string[] = []
  const over = new AbortController()
  const objects: Objects = {
    ...embedded.objects,
    async put(name, ...rest) {
      put?.(name)
      await embedded.objects.put(name, ...rest)
      puts.push(name)
    },
  }
  for (let msn = 0; msn < segments; msn++) {
    for (let chunk = 0; chunk < AAC.chunksPerSegment; chunk++)
      await log.append(
        key,
        chunkId({ msn, chunk }),
        encodeChunk({ frames: 5, last: false, startedAt: 0, bytes: Uint8Array.of(msn, chunk) }),
      )
    for (let frame = 0; frame < FRAMES_PER_SEGMENT; frame++)
      await log.append(
        logKey(id),
        frameId(msn < 3 ? 1 : 2, msn * FRAMES_PER_SEGMENT + frame),
        encodeLogEntry({ kind: 'frame', opus: new Uint8Array(1), events: [] }),
      )
  }
  return {
    log,
    objects,
    puts,
    async end(msn: number) {
      const last = encodeChunk({ frames: 0, last: true, startedAt: 0, bytes: new Uint8Array(0) })
      await log.append(key, chunkId({ msn, chunk: 0 }), last)
      over.abort()
    },
    run: (signal = new AbortController().signal) =>
      storeSegments({
        id,
        ports: { log, objects },
        logger,
        metrics: createTranscoderMetrics(new Registry()),
        signal,
        over: over.signal,
      }),
    firstMsn: async () => (await log.read(key, FIRST, { limit: 1 }))[0]!.id.major,
    firstId: async () => (await log.read(logKey(id), FIRST, { limit: 1 }))[0]!.id,
  }
}

test('stored chunks are kept for 60 s more; the space log from one segment before the newest stored one', async () => {
  const { run, end, firstMsn, firstId } = await given(50)
  await end(50)
  await run()
  expect(await firstMsn()).toBe(50 - 32)
  expect(await firstId()).toEqual(frameId(2, 49 * FRAMES_PER_SEGMENT))
})

test('chunks that are not stored are kept while the object store is away, and stored from the log when it is back', async () => {
  let failures = 0
  const whileAway: unknown[] = []
  const { run, end, objects, firstMsn, firstId } = await given(50, (name) => {
    if (name !== aacSegmentKey(id, 5) || failures === 3) return
    failures++
    throw new Error('away')
  })
  await end(50)
  const running = run()
  while (failures < 3) await turn()
  whileAway.push(await firstMsn(), await firstId())
  await running
  expect(whileAway).toEqual([5, frameId(2, 3 * FRAMES_PER_SEGMENT)])
  for (let msn = 0; msn < 50; msn++) {
    const bytes = await objects.get(aacSegmentKey(id, msn))
    expect(bytes).toEqual(Buffer.concat(Array.from({ length: 18 }, (_, chunk) => Uint8Array.of(msn, chunk))))
  }
})

test('nothing is kept longer than 30 minutes', async () => {
  const away = new AbortController()
  const { run, firstMsn, firstId } = await given(1000, (name) => {
    if (name.endsWith('.m4s')) throw new Error('away')
  })
  const running = expect(run(away.signal)).rejects.toThrow()
  while ((await firstMsn()) === 0 || (await firstId()).minor === 1) await turn()
  away.abort()
  await running
  expect(await firstMsn()).toBe(999 - 938)
  expect((await firstId()).minor).toBe((1000 - 938) * FRAMES_PER_SEGMENT)
})

test('what was stored before is not stored again', async () => {
  const { run, end, puts } = await given(4)
  const first = new AbortController()
  const stopped = expect(run(first.signal)).rejects.toThrow()
  while (puts.length < 5) await turn()
  first.abort()
  await stopped
  await end(4)
  await run()
  expect(puts.filter((name) => name.endsWith('.m4s'))).toEqual(
    [0, 1, 2, 3].map((msn) => aacSegmentKey(id, msn)),
  )
})

test('a segment whose chunks are gone is passed over', async () => {
  const { run, end, log, puts } = await given(4)
  await log.trim(key, chunkId({ msn: 1, chunk: 4 }))
  await end(4)
  await run()
  expect(puts.filter((name) => name.endsWith('.m4s'))).toEqual([2, 3].map((msn) => aacSegmentKey(id, msn)))
})
