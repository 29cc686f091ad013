import { expect, test } from 'vitest'
import { AAC } from '@odeon/common/rendition.ts'
import { ChunkSplitter, NotCmaf } from './chunk-splitter.ts'
import { parsePartName, partName, readPlaylist, writePlaylist } from './playlist.ts'
import { concat, testChunk, testSegment } from './testing.ts'
import { GrowingWindow } from './window.ts'

const split = (bytes: Uint8Array) => new ChunkSplitter(AAC).push(bytes)
function windowOf(...segments: [msn: number, chunks: number][]): GrowingWindow {
  const window = new GrowingWindow(AAC)
  for (const [msn, chunks] of segments) for (const chunk of split(testSegment(msn, chunks))) window.add(chunk)
  return window
}

test('a growing segment is cut into its chunks wherever the network cuts it', () => {
  const whole = testSegment(7)
  for (const size of [1, 13, 100, whole.length]) {
    const splitter = new ChunkSplitter(AAC)
    const chunks = []
    for (let at = 0; at < whole.length; at += size) chunks.push(...splitter.push(whole.slice(at, at + size)))
    expect(chunks.map(({ sample, samples }) => [sample, samples])).toEqual(
      Array.from({ length: 18 }, (_, n) => [7 * 92_160 + n * 5120, 5120]),
    )
    expect(concat(...chunks.map(({ bytes }) => bytes))).toEqual(whole)
    expect(splitter.pending).toBe(0)
  }
})

test('what is no CMAF is refused, and a chunk that was cut is seen to be pending', () => {
  expect(() => split(new TextEncoder().encode('<html>Gateway timeout</html>'))).toThrow(NotCmaf)
  expect(() => split(Uint8Array.of(0, 0, 0, 3, 109, 111, 111, 102))).toThrow(NotCmaf)
  const splitter = new ChunkSplitter(AAC)
  splitter.push(testChunk(1, 0).slice(0, 60))
  expect(splitter.pending).toBe(60)
})

test('the edge is the newest chunk before which nothing is missing; a repeated chunk changes nothing', () => {
  const window = windowOf([3, 5])
  expect(window.edge).toEqual({ msn: 3, chunk: 4 })
  const [sixth] = split(testChunk(3, 5))
  const [seventh] = split(testChunk(3, 6))
  window.add(seventh!)
  expect(window.edge).toEqual({ msn: 3, chunk: 4 })
  expect([window.add(sixth!), window.add(sixth!)]).toEqual([true, false])
  expect(window.edge).toEqual({ msn: 3, chunk: 6 })
})

test('two segments are asked for at once: whichever answers first, the sound begins with the first of them', () => {
  const window = new GrowingWindow(AAC)
  window.begin(3)
  for (const chunk of split(testSegment(4, 2))) window.add(chunk)
  expect(window.edge).toBeUndefined()
  for (const chunk of split(testSegment(3))) window.add(chunk)
  expect([window.first, window.edge]).toEqual([3, { msn: 4, chunk: 1 }])
})

test('a window keeps eight segments, however long one listens', () => {
  const window = windowOf(...Array.from({ length: 40 }, (_, msn): [number, number] => [msn, 18]))
  expect(window.segment(39)).toEqual(testSegment(39))
  expect(window.segment(32)).toBeDefined()
  expect(window.segment(31)).toBeUndefined()
})

test('a chunk that lies on no chunk’s place is refused', () => {
  const [chunk] = split(testChunk(1, 0))
  expect(() => new GrowingWindow(AAC).add({ ...chunk!, sample: 92_161 })).toThrow('No chunk begins at')
})

test('the player’s own playlist lists what came in, dated by the sample clock', () => {
  const text = writePlaylist(windowOf([10, 18], [11, 2]), { startedAt: 1_790_000_000_000, roundTripMs: 0 })!
  expect(text.split('\n')).toEqual([
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:2',
    '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.32000',
    '#EXT-X-PART-INF:PART-TARGET=0.106667',
    '#EXT-X-MEDIA-SEQUENCE:11',
    '#EXT-X-MAP:URI="init.mp4"',
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(1_790_000_000_000 + 19_200).toISOString()}`,
    ...Array.from(
      { length: 18 },
      (_, n) => `#EXT-X-PART:DURATION=0.106666667,URI="10-${n}.chunk",INDEPENDENT=YES`,
    ),
    '#EXTINF:1.920000000,',
    '10.m4s',
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(1_790_000_000_000 + 21_120).toISOString()}`,
    '#EXT-X-PART:DURATION=0.106666667,URI="11-0.chunk",INDEPENDENT=YES',
    '#EXT-X-PART:DURATION=0.106666667,URI="11-1.chunk",INDEPENDENT=YES',
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="11-2.chunk"',
    '',
  ])
})

test('the farther the network, the farther behind the edge the sound begins, up to a bound', () => {
  const window = windowOf([10, 18], [11, 2])
  const heldBack = (roundTripMs: number) =>
    Number(/PART-HOLD-BACK=([\d.]+)/.exec(writePlaylist(window, { startedAt: 0, roundTripMs })!)?.[1])
  expect([2, 100, 5000].map(heldBack)).toEqual([0.322, 0.42, 0.92])
})

test('the end of a space ends the playlist, with the length that the last segment has', () => {
  const window = windowOf([10, 18], [11, 2])
  window.end()
  expect(writePlaylist(window, { startedAt: 0, roundTripMs: 0 })).toMatch(
    /#EXTINF:0\.213333333,\n11\.m4s\n#EXT-X-ENDLIST\n$/,
  )
})

test('tuning in reads from the origin’s playlist when the space began and which segment grows', () => {
  const text = `#EXTM3U
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-PROGRAM-DATE-TIME:${new Date(1_790_000_019_200).toISOString()}
#EXTINF:1.92000,
10.m4s
#EXT-X-PART:DURATION=0.21333,URI="11.0.m4s",INDEPENDENT=YES
`
  expect(readPlaylist(text)).toEqual({ startedAt: 1_790_000_000_000, growing: 11, ended: false })
  expect(readPlaylist(`${text}#EXT-X-ENDLIST\n`)?.ended).toBe(true)
})

test('a part’s name is read back, and nothing else is', () => {
  const part = { msn: 12, chunk: 3 }
  expect(parsePartName(`http://x/live/a/aac/${partName(part)}`)).toEqual(part)
  expect(parsePartName('http://x/live/a/aac/12.m4s')).toBeUndefined()
  expect(readPlaylist('<html>')).toBeUndefined()
})
