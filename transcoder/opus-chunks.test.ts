import { afterEach, expect, test } from 'vitest'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import { aacSegmentPrefix } from '@odeon/common/keys.ts'
import { OPUS } from '@odeon/common/rendition.ts'
import { findBox, walkBoxes } from '@odeon/common/boxes.ts'
import { readSegment } from './segment-reader.ts'
import { decodeOpusCmaf } from './testing/decode.ts'
import { openSpace } from './testing/live.ts'
import { alignment, chirp, rms } from './testing/sound.ts'
import { opusOf, stage } from './testing/space-log.ts'

const FRAMES = 251 // 63 chunks, the last of 3 frames.
const { packets, heard: said } = await opusOf(chirp(FRAMES))

const spaces: { close(): Promise<void> }[] = []
const open = async () => {
  const space = await openSpace()
  spaces.push(space)
  return space
}
afterEach(async () => {
  await Promise.all(spaces.splice(0).map((space) => space.close()))
})
type Space = Awaited<ReturnType<typeof openSpace>>

/** The packets in a chunk, by the sizes in its `trun`. */
function packetsIn(chunk: Uint8Array): Uint8Array[] {
  const trun = findBox(findBox(findBox(chunk, 'moof').body, 'traf').body, 'trun').body
  const view = new DataView(trun.buffer, trun.byteOffset, trun.length)
  const { body } = findBox(chunk, 'mdat')
  let at = 0
  return Array.from({ length: view.getUint32(4) }, (_, i) => {
    const size = view.getUint32(12 + 4 * i)
    return body.slice(at, (at += size))
  })
}

/** Chunks 0, 1, 2, …, each of four frames but the last, which is marked; the packets in them. */
async function expectWhole(space: Space, frames: number): Promise<Uint8Array[]> {
  const chunks = await space.chunks(OPUS)
  expect(chunks.map(({ number }) => number)).toEqual(chunks.map((_, i) => i))
  expect(chunks.map(({ last }) => last)).toEqual(chunks.map((_, i) => i === chunks.length - 1))
  expect(chunks.slice(0, -1).every((chunk) => chunk.frames === 4)).toBe(true)
  const found = chunks.flatMap(({ bytes }) => (bytes.length > 0 ? packetsIn(bytes) : []))
  expect(found).toHaveLength(frames)
  expect(chunks.reduce((sum, chunk) => sum + chunk.frames, 0)).toBe(frames)
  return found
}

test('the Opus rendition is the packets of the log, untouched, and decodes to what was said, to the sample', async () => {
  const space = await open()
  await space.mixer.claim()
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  expect(await expectWhole(space, FRAMES)).toEqual(packets)
  const heard = await decodeOpusCmaf(...(await space.chunks(OPUS)).map(({ bytes }) => bytes))
  expect(heard).toHaveLength(FRAMES * 960)
  const { lag, likeness } = alignment(heard.subarray(9600, 48_000), said.subarray(9600, 48_000), 50)
  expect(lag).toBe(0)
  expect(likeness).toBeGreaterThan(0.999)
})

test('it is for live listening: the recording is AAC alone', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  const stored = await space.ports.objects.list('spaces/')
  expect(stored.length).toBeGreaterThan(0)
  expect(stored.every(({ key }) => key.startsWith(aacSegmentPrefix(space.job.id)))).toBe(true)
})

test('what happened rides in the chunk in which it is heard, with its frame', async () => {
  const space = await open()
  const happened = [0, 95, 96, 99, 100]
  for (let frame = 0; frame < 120; frame++)
    await space.mixer.frame(frame, packets[frame]!, happened.includes(frame) ? [stage(`At ${frame}`)] : [])
  await space.mixer.end(120)
  await space.run()
  const { startedAt } = space.job
  const found = (await space.chunks(OPUS)).flatMap(({ number, bytes }) =>
    (bytes.length > 0 ? readSegment(bytes).events : []).flatMap((inside) => {
      expect(inside.startedAt).toBe(startedAt)
      return inside.events.map(({ frame, ...event }) => ({ number, frame, event }))
    }),
  )
  expect(found).toEqual(
    happened.map((frame) => ({ number: Math.floor(frame / 4), frame, event: stage(`At ${frame}`) })),
  )
})

test('a hole, and an entry that can not be read, is silence that asks for no concealment', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 50)
  await space.mixer.frames(packets, 90, 120)
  await space.mixer.raw(120, Uint8Array.of(9, 9))
  await space.mixer.frame(121, Uint8Array.of(0x08, 1, 2)) // Silk of 20 ms is one frame, too: kept.
  await space.mixer.frame(122, Uint8Array.of(0x18, 1, 2)) // 60 ms.
  await space.mixer.end(123)
  await space.run()
  const found = await expectWhole(space, 123)
  expect(found.slice(50, 90)).toEqual(Array<Uint8Array>(40).fill(SILENT_PACKET))
  expect(found.slice(90, 120)).toEqual(packets.slice(90, 120))
  expect(found.slice(120)).toEqual([SILENT_PACKET, Uint8Array.of(0x08, 1, 2), SILENT_PACKET])
})

test('the silent packet is silence', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 50)
  await space.mixer.frames(packets, 150, 160)
  await space.mixer.end(160)
  await space.run()
  const heard = await decodeOpusCmaf(...(await space.chunks(OPUS)).map(({ bytes }) => bytes))
  expect(rms(heard.subarray(52 * 960, 150 * 960))).toBeLessThan(0.001)
})

test.each([
  [0, 1],
  [96, 25],
  [98, 25],
  [100, 26],
])('a space of %i frames is %i chunks, the last of them empty at a border', async (frames, count) => {
  const space = await open()
  await space.mixer.frames(packets, 0, frames)
  await space.mixer.end(frames)
  await space.run()
  await expectWhole(space, frames)
  expect(await space.chunks(OPUS)).toHaveLength(count)
})

test.each([0, 150])(
  'two workers (%i ms patient), one of which dies, write it without a double or a hole',
  async (lateMs) => {
    const space = await open()
    const first = new AbortController()
    const running = [space.run({ lateMs, signal: first.signal }), space.run({ lateMs })]
    const dying = expect(running[0]).rejects.toThrow()
    await space.mixer.frames(packets, 0, 120)
    await space.until(20, OPUS)
    first.abort()
    await dying
    await space.mixer.frames(packets, 120, FRAMES)
    await space.mixer.end(FRAMES)
    await running[1]
    expect(await expectWhole(space, FRAMES)).toEqual(packets)
  },
)

test('a worker that starts in the middle goes on after the newest chunk', async () => {
  const space = await open()
  const first = new AbortController()
  const stopped = space.run({ signal: first.signal })
  await space.mixer.frames(packets, 0, 130)
  await space.until(25, OPUS)
  first.abort()
  await expect(stopped).rejects.toThrow()
  await space.mixer.frames(packets, 130, FRAMES)
  await space.mixer.end(FRAMES)
  await space.run()
  expect(await expectWhole(space, FRAMES)).toEqual(packets)
})

test('about a minute of it is kept', async () => {
  const space = await open()
  const frames = 40 * 96
  for (let frame = 0; frame < frames; frame++) await space.mixer.frame(frame, packets[frame % FRAMES]!)
  await space.mixer.end(frames)
  await space.run()
  expect((await space.chunks(OPUS)).map(({ msn }) => msn)[0]).toBe(40 - 32)
})

test('a chunk is moof and mdat, and without events nothing else', async () => {
  const space = await open()
  await space.mixer.frames(packets, 0, 4)
  await space.mixer.end(4)
  await space.run()
  const [chunk] = await space.chunks(OPUS)
  expect(Array.from(walkBoxes(chunk!.bytes), ({ type }) => type)).toEqual(['moof', 'mdat'])
})
