import { expect, test } from 'vitest'
import { AAC, OPUS, RENDITIONS } from '@odeon/common/rendition.ts'
import { chunkOf, endWindow, positions, STARTED_AT, windowOf } from './harness.ts'
import { livePlaylist, MULTIVARIANT, partTarget, PART_HOLD_BACK, replayPlaylist } from './playlist.ts'
import { addChunk, createWindow } from './window.ts'

const full = (window: ReturnType<typeof windowOf>) => livePlaylist(window, { skip: false })
const delta = (window: ReturnType<typeof windowOf>) => livePlaylist(window, { skip: true })

/** A reader of playlists that shares nothing with their writer: tags as [name, value], URIs as ['', uri]. */
function read(playlist: string): [string, string][] {
  expect(playlist.endsWith('\n')).toBe(true)
  expect(playlist).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/)
  const [first, ...rest] = playlist.trimEnd().split('\n')
  expect(first).toBe('#EXTM3U')
  return rest.map((line) => {
    if (!line.startsWith('#')) return ['', line]
    const match = /^#(EXT[A-Z-]*)(?::(.*))?$/.exec(line)
    if (!match) throw new Error(`Not a tag: ${line}`)
    return [match[1]!, match[2] ?? '']
  })
}

const values = (playlist: string, name: string) =>
  read(playlist)
    .filter(([tag]) => tag === name)
    .map(([, value]) => value)

const attribute = (value: string, name: string) =>
  new RegExp(`(?:^|,)${name}=(?:"([^"]*)"|([^,]*))`).exec(value)?.slice(1).find(Boolean)

/** Windows at many moments of a space, also before the first segment and after the end. */
function* moments(rendition = AAC) {
  const window = createWindow(rendition)
  const { chunksPerSegment, framesPerChunk: frames } = rendition
  for (const position of positions(chunksPerSegment * 14, 0, rendition)) {
    addChunk(window, position, chunkOf(position, { frames }))
    yield window
  }
  yield endWindow(window, 3)
}

const each = test.each(Object.values(RENDITIONS))

test('a playlist in mid-stream lists ten segments, the parts of the last six seconds and the next part', async () => {
  await expect(full(windowOf({ segments: 30, chunks: 7 }))).toMatchFileSnapshot(
    'golden/mid-stream.golden.m3u8',
  )
})

test('with one segment complete the playlist is whole', async () => {
  await expect(full(windowOf({ segments: 1 }))).toMatchFileSnapshot('golden/first-segment.golden.m3u8')
})

test('after the end there is no hint, an ENDLIST, and a last segment as short as it is', async () => {
  const window = endWindow(windowOf({ segments: 12, chunks: 2 }), 3)
  await expect(full(window)).toMatchFileSnapshot('golden/ended.golden.m3u8')
})

test('a last chunk without frames at the border of a segment adds nothing but the end', async () => {
  const window = endWindow(windowOf({ segments: 4 }), 0)
  await expect(full(window)).toMatchFileSnapshot('golden/ended-at-border.golden.m3u8')
})

test('a delta update has the skipped segments as a number, and all else as the full playlist', async () => {
  const window = windowOf({ segments: 30, chunks: 7 })
  await expect(delta(window)).toMatchFileSnapshot('golden/delta.golden.m3u8')
})

test('the multivariant playlist has two variants, of sound alone, AAC first', async () => {
  await expect(MULTIVARIANT).toMatchFileSnapshot('golden/multivariant.golden.m3u8')
})

test('a replay is a VOD playlist in which a missing segment is a gap of its own length', async () => {
  const segments = [
    { msn: 0, frames: 90, bytes: 15_000 },
    { msn: 1, frames: 90, bytes: 0, gap: true as const },
    { msn: 2, frames: 90, bytes: 15_000 },
    { msn: 3, frames: 13, bytes: 3000 },
  ]
  await expect(replayPlaylist({ startedAt: STARTED_AT, segments })).toMatchFileSnapshot(
    'golden/replay.golden.m3u8',
  )
})

each(
  '$name: the previous full playlist and a delta update make the current full playlist, line by line',
  (rendition) => {
    let before = ''
    for (const window of moments(rendition)) {
      const after = full(window)
      const update = delta(window)
      if (before && values(update, 'EXT-X-SKIP').length > 0) expect(merge(before, update)).toBe(after)
      before = after
    }
  },
)

/** What a client does with a delta (rfc8216bis §6.3.7): the skipped segments are those it knows. */
function merge(before: string, update: string): string {
  const skipped = Number(attribute(values(update, 'EXT-X-SKIP')[0]!, 'SKIPPED-SEGMENTS'))
  const first = Number(values(update, 'EXT-X-MEDIA-SEQUENCE')[0])
  const wanted = Array.from({ length: skipped }, (_, i) => `${first + i}.m4s`)
  const known = new Map<string, string[]>()
  let lines: string[] = []
  for (const line of before.trimEnd().split('\n')) {
    if (/^#EXT-X-(PROGRAM|PART:)|^#EXTINF/.test(line)) lines.push(line)
    else if (!line.startsWith('#')) {
      known.set(line, [...lines.filter((one) => !one.startsWith('#EXT-X-PART:')), line])
      lines = []
    }
  }
  return update
    .replace('#EXT-X-VERSION:9', '#EXT-X-VERSION:6')
    .replace(/#EXT-X-SKIP:.*\n/, '')
    .replace(/(#EXT-X-MAP:.*\n)/, (map) => `${map}${wanted.flatMap((uri) => known.get(uri)!).join('\n')}\n`)
}

each(
  '$name: a delta skips only what ends more than twelve seconds before the end, and there is one skip tag',
  (rendition) => {
    for (const window of moments(rendition)) {
      const [skip, ...others] = values(delta(window), 'EXT-X-SKIP')
      expect(others).toEqual([])
      const listed = values(full(window), 'EXTINF').length
      const skippable = Math.max(0, listed - Math.ceil(12 / 1.92))
      if (window.ended || skippable === 0) expect(skip).toBeUndefined()
      else expect(skip).toBe(`SKIPPED-SEGMENTS=${skippable}`)
      if (!skip) expect(delta(window)).toBe(full(window))
    }
  },
)

each(
  '$name: no part is longer than PART-TARGET, and none but the last of its segment shorter than 85 % of it',
  (rendition) => {
    for (const window of moments(rendition)) {
      const tags = read(full(window))
      tags.forEach(([name, value], i) => {
        if (name !== 'EXT-X-PART') return
        const duration = Number(attribute(value, 'DURATION'))
        expect(duration).toBeLessThanOrEqual(partTarget(rendition))
        const lastOfSegment = tags[i + 1]?.[0] === 'EXTINF'
        if (!lastOfSegment) expect(duration).toBeGreaterThanOrEqual(0.85 * partTarget(rendition))
        expect(attribute(value, 'INDEPENDENT')).toBe('YES')
      })
    }
  },
)

each(
  '$name: a segment lists all of its parts or none, they add up to it, and none lies further than 6 s from the end',
  (rendition) => {
    for (const window of moments(rendition)) {
      let parts: number[] = []
      const spans: { duration: number; parts: number[] }[] = []
      for (const [name, value] of read(full(window))) {
        if (name === 'EXT-X-PART') parts.push(Number(attribute(value, 'DURATION')))
        if (name !== 'EXTINF') continue
        spans.push({ duration: parseFloat(value), parts })
        parts = []
      }
      let toEnd = sum(parts)
      for (const span of spans.reverse()) {
        toEnd += span.duration
        if (span.parts.length > 0) {
          expect(sum(span.parts)).toBeCloseTo(span.duration, 3)
          expect(toEnd).toBeLessThanOrEqual(6)
        } else expect(toEnd).toBeGreaterThan(6 - 1e-3)
      }
    }
  },
)

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

each(
  '$name: every segment has its date, before its first part, and dates follow the sample clock',
  (rendition) => {
    for (const window of moments(rendition)) {
      let date: number | undefined
      let msn = Number(values(full(window), 'EXT-X-MEDIA-SEQUENCE')[0])
      for (const [name, value] of read(full(window))) {
        if (name === 'EXT-X-PROGRAM-DATE-TIME') date = Date.parse(value)
        if (name === 'EXT-X-PART' || name === 'EXTINF') expect(date).toBe(STARTED_AT + msn * 1920)
        if (name !== '') continue
        expect(value).toBe(`${msn}.m4s`)
        msn++
        date = undefined
      }
    }
  },
)

each(
  '$name: segments are only appended at the end and removed at the start, and each keeps its name and length',
  (rendition) => {
    let before: string[] = []
    for (const window of moments(rendition)) {
      const tags = read(full(window))
      const segments = tags.flatMap(([name, value], i) =>
        name === '' ? [`${value} ${tags[i - 1]![1]}`] : [],
      )
      const kept = before.filter((segment) => segments.includes(segment))
      expect(before.slice(before.length - kept.length)).toEqual(kept)
      expect(segments.slice(0, kept.length)).toEqual(kept)
      expect(before.length - kept.length).toBeLessThanOrEqual(1)
      expect(Number(values(full(window), 'EXT-X-TARGETDURATION')[0])).toBe(2)
      for (const extinf of values(full(window), 'EXTINF'))
        expect(Math.round(parseFloat(extinf))).toBeLessThanOrEqual(2)
      before = segments
    }
  },
)

each('$name: exactly one hint names the next part by its later name, until the end', (rendition) => {
  let hinted: string | undefined
  for (const window of moments(rendition)) {
    const listed = values(full(window), 'EXT-X-PART').map((part) => attribute(part, 'URI')!)
    if (hinted && !listed.includes(hinted))
      expect(values(full(window), 'EXT-X-PRELOAD-HINT')[0]).toContain(hinted)
    const hints = values(full(window), 'EXT-X-PRELOAD-HINT')
    expect(hints).toHaveLength(window.ended ? 0 : 1)
    hinted = hints[0] && attribute(hints[0], 'URI')
    if (hinted) expect(listed).not.toContain(hinted)
    expect(values(full(window), 'EXT-X-ENDLIST')).toHaveLength(window.ended ? 1 : 0)
  }
})

each('$name: server control keeps to the rules, and says the same in every rendition', (rendition) => {
  const control = values(full(windowOf({ rendition, segments: 20 })), 'EXT-X-SERVER-CONTROL')[0]!
  expect(control).toBe(values(full(windowOf({ segments: 5 })), 'EXT-X-SERVER-CONTROL')[0])
  expect(attribute(control, 'CAN-BLOCK-RELOAD')).toBe('YES')
  expect(Number(attribute(control, 'PART-HOLD-BACK'))).toBe(PART_HOLD_BACK)
  expect(PART_HOLD_BACK).toBeGreaterThanOrEqual(3 * partTarget(rendition))
  expect(Number(attribute(control, 'CAN-SKIP-UNTIL'))).toBeGreaterThanOrEqual(6 * 2)
})

test('PART-TARGET is the longest part, rounded up', () => {
  expect([partTarget(AAC), partTarget(OPUS)]).toEqual([0.21334, 0.24])
})

/** Where a rendition report points, seconds from the start of the space. */
function reportedEnd(playlist: string, of: typeof AAC): number {
  const [report, ...others] = values(playlist, 'EXT-X-RENDITION-REPORT')
  expect(others).toEqual([])
  expect(attribute(report!, 'URI')).toBe(`../${of.name}/index.m3u8`)
  const part = Number(attribute(report!, 'LAST-PART'))
  expect(part).toBeLessThan(of.partsPerSegment)
  return Number(attribute(report!, 'LAST-MSN')) * 1.92 + ((part + 1) * of.partSamples) / 48_000
}

each(
  '$name: a report says how far the other rendition is: as far as this one, to the whole part',
  (rendition) => {
    const other = rendition === AAC ? OPUS : AAC
    for (const window of moments(rendition)) {
      const last = values(full(window), 'EXT-X-PART').at(-1)
      if (last === undefined) continue
      const [msn, part] = attribute(last, 'URI')!.split('.').map(Number) as [number, number]
      const until = msn * 1.92 + ((part + 1) * rendition.partSamples) / 48_000
      if (until < other.partSamples / 48_000) continue
      const behind = until - reportedEnd(full(window), other)
      expect(behind).toBeGreaterThanOrEqual(-1e-6)
      expect(behind).toBeLessThan((other.partSamples + (window.ended ? rendition.partSamples : 0)) / 48_000)
    }
  },
)

test('an Opus playlist in mid-stream has eight parts of 240 ms in a segment', async () => {
  await expect(full(windowOf({ rendition: OPUS, segments: 30, chunks: 10 }))).toMatchFileSnapshot(
    'golden/opus-mid-stream.golden.m3u8',
  )
})

test('after the end an Opus playlist has a last segment as short as it is', async () => {
  const window = endWindow(windowOf({ rendition: OPUS, segments: 12, chunks: 4 }), 3)
  await expect(full(window)).toMatchFileSnapshot('golden/opus-ended.golden.m3u8')
})
