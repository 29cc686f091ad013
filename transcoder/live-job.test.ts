import { EventEmitter, once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { ARCHIVE_QUEUE, aacInitKey, aacSegmentKey, aacSegmentPrefix, logKey } from '@odeon/common/keys.ts'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { concat } from '@odeon/common/boxes.ts'
import { readSegment } from './segment-reader.ts'
import { decodeCmaf } from './testing/decode.ts'
import { openSpace } from './testing/live.ts'
import { alignment, chirp, relativeError, rms } from './testing/sound.ts'
import { opusOf, stage } from './testing/space-log.ts'

const FRAMES = 365 // 7.3 s: 343 AAC frames, 69 chunks, the last of 3 frames.
const { packets, heard: said } = await opusOf(chirp(FRAMES))

const spaces: { close(): Promise<void> }[] = []
const open = async (change?: (ports: Ports) => Ports) => {
  const space = await openSpace(change)
  spaces.push(space)
  return space
}
afterEach(async () => {
  await Promise.all(spaces.splice(0).map((space) => space.close()))
})
type Space = Awaited<ReturnType<typeof openSpace>>

const listen = async (space: Space) => decodeCmaf(...(await space.chunks()).map(({ bytes }) => bytes))

/** Each 0.2 s of what is heard is what was said then, to the sample. */
function expectAligned(heard: Float32Array, wanted = said) {
  for (let at = 0; at + 9600 <= wanted.length; at += 9600) {
    const { lag, likeness } = alignment(heard.subarray(at, at + 9600), wanted.subarray(at, at + 9600), 50)
    expect([at, lag]).toEqual([at, 0])
    expect(likeness).toBeGreaterThan(0.97)
  }
}

/** Chunks 0, 1, 2, …, the last one marked, each of five frames but the last. */
async function expectWhole(space: Space, frames = 343) {
  const chunks = await space.chunks()
  expect(chunks.map(({ number }) => number)).toEqual(chunks.map((_, i) => i))
  expect(chunks.map(({ last }) => last)).toEqual(chunks.map((_, i) => i === chunks.length - 1))
  expect(chunks.slice(0, -1).every((chunk) => chunk.frames === 5)).toBe(true)
  expect(chunks.reduce((sum, chunk) => sum + chunk.frames, 0)).toBe(frames)
  for (const { frames, bytes } of chunks) if (frames > 0) expect(readSegment(bytes).frames).toBe(frames)
}

test('a space is heard as it was said, to the sample, from the first to the last', async () => {
  const space = await open()
  const running = space.run()
  await space.mixer.claim()
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await running
  await expectWhole(space)
  const heard = await listen(space)
  expect(heard).toHaveLength(343 * 1024)
  expectAligned(heard)
  expect(rms(heard.subarray(FRAMES * 960 + 512))).toBeLessThan(0.05)
})

test('a stored segment is its chunks as they stand in the log; the last one may be short', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  const { objects } = space.ports
  const { id } = space.job
  const chunks = await space.chunks()
  expect((await objects.list(aacSegmentPrefix(id))).map(({ key }) => key).sort()).toEqual(
    [...[0, 1, 2, 3].map((msn) => aacSegmentKey(id, msn)), aacInitKey(id)].sort(),
  )
  for (const msn of [0, 1, 2, 3]) {
    const bytes = concat(...chunks.filter((chunk) => chunk.msn === msn).map((chunk) => chunk.bytes))
    expect(Buffer.compare((await objects.get(aacSegmentKey(id, msn)))!, bytes)).toBe(0)
  }
  expect(Buffer.from((await objects.get(aacInitKey(id)))!)).toEqual(Buffer.from(aacInit()))
})

test('when the last segment is stored the archive job is ordered', async () => {
  const space = await open()
  await space.mixer.end(0)
  await space.run()
  const ordered = await new Promise((resolve) => {
    space.ports.jobs.work(ARCHIVE_QUEUE, ({ id, data }) => Promise.resolve(resolve({ id, data })))
  })
  expect(ordered).toEqual({ id: space.job.id, data: space.job })
})

test('what happened rides in the chunk in which it is heard, with its frame', async () => {
  const space = await open()
  for (let frame = 0; frame < 200; frame++)
    await space.mixer.frame(
      frame,
      packets[frame]!,
      [0, 96, 101].includes(frame) ? [stage(`At ${frame}`)] : [],
    )
  await space.mixer.end(200)
  await space.run()
  const found = (await space.chunks()).flatMap(({ number, bytes }) =>
    readSegment(bytes).events.flatMap(({ startedAt, events }) =>
      events.map(({ frame, ...event }) => ({ number, startedAt, frame, event })),
    ),
  )
  const { startedAt } = space.job
  expect(found).toEqual([
    { number: 0, startedAt, frame: 0, event: stage('At 0') },
    { number: 18, startedAt, frame: 96, event: stage('At 96') },
    { number: 18, startedAt, frame: 101, event: stage('At 101') },
  ])
})

test('a worker that starts in the middle goes on after the newest chunk, and nobody hears where', async () => {
  const whole = await open()
  await whole.mixer.frames(packets, 0, FRAMES)
  await whole.mixer.end(FRAMES)
  await whole.run()
  const unbroken = await listen(whole)

  const space = await open()
  const first = new AbortController()
  const stopped = space.run({ signal: first.signal })
  await space.mixer.frames(packets, 0, 200)
  await space.until(30)
  first.abort()
  await expect(stopped).rejects.toThrow()
  const seam = (await space.chunks()).length
  expect(seam).toBeLessThan(40)
  await space.mixer.frames(packets, 200, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  await expectWhole(space)
  const heard = await listen(space)
  expectAligned(heard)
  const around = [seam * 5120 - 1024, seam * 5120 + 2048] as const
  expect(relativeError(heard.subarray(...around), unbroken.subarray(...around))).toBeLessThan(0.1)
})

/** Does something to each new ffmpeg; `times(n)` resolves when it was done n times. */
function eachEncoder(act: (pid: number, times: number) => void) {
  const pids: number[] = []
  const acted = new EventEmitter()
  return {
    pids,
    onEncoder(pid: number | undefined) {
      act(pid!, pids.push(pid!))
      acted.emit('acted')
    },
    async times(count: number) {
      while (pids.length < count) await once(acted, 'acted')
    },
  }
}

test('an ffmpeg that is killed is replaced, and no sample is lost or heard twice', async () => {
  const space = await open()
  const { onEncoder, times, pids } = eachEncoder((pid, count) => {
    if (count <= 3) process.kill(pid, 'SIGKILL')
  })
  const running = space.run({ onEncoder })
  for (const stretch of [0, 1, 2]) {
    await space.mixer.frames(packets, stretch * 90, (stretch + 1) * 90)
    await times(stretch + 1)
  }
  await space.mixer.frames(packets, 270, FRAMES)
  await space.mixer.end(FRAMES)
  await running
  expect(new Set(pids).size).toBe(4)
  expect(await space.metric('odeon_ffmpeg_restarts_total')).toBe(3)
  await expectWhole(space)
  expectAligned(await listen(space))
})

test('an ffmpeg that hangs is killed and replaced', async () => {
  const space = await open()
  const { onEncoder, times, pids } = eachEncoder((pid, count) => {
    if (count === 1) process.kill(pid, 'SIGSTOP')
  })
  const running = space.run({ onEncoder })
  await space.mixer.frames(packets, 0, 100)
  await times(1)
  await space.mixer.frames(packets, 100, FRAMES)
  await space.mixer.end(FRAMES)
  await running
  expect(() => process.kill(pids[0]!, 0)).toThrow()
  expect(await space.metric('odeon_ffmpeg_restarts_total')).toBe(1)
  await expectWhole(space)
  expectAligned(await listen(space))
})

test('a hole is silence of its length, and the sound behind it is where it was', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 100)
  await space.mixer.frames(packets, 173, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  await expectWhole(space)
  const heard = await listen(space)
  expectAligned(heard.subarray(0, 99 * 960), said.subarray(0, 99 * 960))
  expect(rms(heard.subarray(102 * 960, 171 * 960))).toBeLessThan(0.001)
  expectAligned(heard.subarray(175 * 960), said.subarray(175 * 960))
})

test('a space that ends at the border of a chunk gets an empty last one', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 96) // Exactly one segment.
  await space.mixer.end(96)
  await space.run()
  await expectWhole(space, 90)
  const chunks = await space.chunks()
  expect(chunks).toHaveLength(AAC.chunksPerSegment + 1)
  expect(chunks.at(-1)).toMatchObject({ number: 18, frames: 0, last: true, bytes: new Uint8Array(0) })
  const { objects } = space.ports
  expect(await objects.get(aacSegmentKey(space.job.id, 1))).toBeUndefined()
})

test('a space without a frame is one empty last chunk', async () => {
  const space = await open()
  await space.mixer.end(0)
  await space.run()
  expect(await space.chunks()).toMatchObject([{ number: 0, frames: 0, last: true }])
})

test('a job that is run again after the end has nothing to write', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 120)
  await space.mixer.end(120)
  await space.run()
  const before = await space.chunks()
  await space.run()
  expect(await space.chunks()).toEqual(before)
})

test.each([0, 150])('two workers (%i ms patient) write one space: no double, no hole', async (lateMs) => {
  const space = await open()
  const running = [space.run({ lateMs }), space.run({ lateMs })]
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await Promise.all(running)
  await expectWhole(space)
  expectAligned(await listen(space))
})

test('when one of two workers dies the other has it, and nobody hears it', async () => {
  const space = await open()
  const first = new AbortController()
  const running = [space.run({ lateMs: 150, signal: first.signal }), space.run({ lateMs: 150 })]
  const dying = expect(running[0]).rejects.toThrow()
  await space.mixer.frames(packets, 0, 150)
  await space.until(15)
  first.abort()
  await dying
  await space.mixer.frames(packets, 150, FRAMES)
  await space.mixer.end(FRAMES)
  await running[1]
  await expectWhole(space)
  expectAligned(await listen(space))
})

test('an object store that fails delays, but loses nothing', async () => {
  let failures = 4
  const space = await open((ports) => ({
    ...ports,
    objects: {
      ...ports.objects,
      put: (key, ...rest) =>
        failures-- > 0 ? Promise.reject(new Error('disk full')) : ports.objects.put(key, ...rest),
    },
  }))
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  expect(await space.metric('odeon_segment_store_retries_total')).toBe(4)
  await expectWhole(space)
  for (const msn of [0, 1, 2, 3])
    expect(await space.ports.objects.get(aacSegmentKey(space.job.id, msn))).toBeDefined()
})

test('the log is kept from one segment before the newest stored one on', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run() // Segments 0 to 3 are stored.
  const [first] = await space.ports.log.read(logKey(space.job.id), { major: 0, minor: 0 }, { limit: 1 })
  expect(first!.id).toEqual({ major: 1, minor: 2 * 96 + 1 })
})
