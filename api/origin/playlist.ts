import { AAC, OPUS, RENDITIONS, type Rendition } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE, TARGET_DURATION, wallClock, type EpochMs } from '@odeon/common/time.ts'
import {
  growingSegment,
  hintedPart,
  listedSegments,
  partDuration,
  secondsOf,
  segmentDuration,
  segmentStart,
  wholeParts,
  wholeUntil,
  type Segment,
  type Window,
} from './window.ts'

/** Playlists as draft-pantos-hls-rfc8216bis asks for them; § are its sections. Times are seconds. */

/** The longest part, rounded up to 10 µs: players refuse a longer one (§4.4.4.9). */
export const partTarget = ({ partSamples }: Rendition): number =>
  Math.ceil((partSamples / SAMPLE_RATE) * 1e5) / 1e5
/** Three of the largest part target of any rendition, because all of them must say the same (§6.2.4). */
export const PART_HOLD_BACK = 3 * Math.max(...Object.values(RENDITIONS).map(partTarget))
/** Six target durations (§4.4.3.8). */
export const CAN_SKIP_UNTIL = 6 * TARGET_DURATION
/** Parts are listed up to three target durations from the end (§6.2.2). */
const PARTS_UNTIL = 3 * TARGET_DURATION

/** A full stage's peak and the mean of the sound with the boxes around it and the events inside, bit/s (`npm run bench:transcode`). */
const VARIANTS = [
  { rendition: AAC, bandwidth: 192_000, average: 128_000 },
  { rendition: OPUS, bandwidth: 160_000, average: 96_000 },
]

/** AAC first: every player has it, and some begin with the first. hls.js begins with the smallest that it can play. */
export const MULTIVARIANT = lines([
  '#EXTM3U',
  '#EXT-X-VERSION:6',
  '#EXT-X-INDEPENDENT-SEGMENTS',
  ...VARIANTS.flatMap(({ rendition: { name, codecs }, bandwidth, average }) => [
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=${average},CODECS="${codecs}"`,
    `${name}/index.m3u8`,
  ]),
])

/** The live playlist. With `skip` a delta update, if there is anything to skip and the space goes on (§6.2.5.1). */
export function livePlaylist(window: Window, { skip }: { skip: boolean }): string {
  const listed = listedSegments(window)
  const growing = growingSegment(window)
  const skipped = skip && !window.ended ? skippable(listed) : 0
  const partsFrom = firstWithParts(listed, growing)
  const hint = hintedPart(window)
  return lines([
    '#EXTM3U',
    `#EXT-X-VERSION:${skipped > 0 ? 9 : 6}`, // §8: 6 for EXT-X-MAP, 9 for EXT-X-SKIP.
    `#EXT-X-TARGETDURATION:${TARGET_DURATION}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${CAN_SKIP_UNTIL.toFixed(1)},PART-HOLD-BACK=${PART_HOLD_BACK.toFixed(2)}`,
    `#EXT-X-PART-INF:PART-TARGET=${partTarget(window.rendition)}`,
    `#EXT-X-MEDIA-SEQUENCE:${listed[0]?.msn ?? growing?.msn ?? window.next?.msn ?? 0}`,
    // After MEDIA-SEQUENCE, where hls.js looks for it, and before the MAP that its first segment needs again.
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
    '#EXT-X-MAP:URI="init.mp4"',
    ...listed
      .slice(skipped)
      .flatMap((segment) => [
        programDateTime(window.startedAt, segment.msn),
        ...(segment.msn >= partsFrom ? parts(segment) : []),
        `#EXTINF:${segmentDuration(segment).toFixed(5)},`,
        `${segment.msn}.m4s`,
      ]),
    ...(growing && wholeParts(growing) > 0
      ? [programDateTime(window.startedAt, growing.msn), ...parts(growing)]
      : []),
    ...(hint ? [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partUri(hint.msn, hint.part)}"`] : []),
    ...reports(window),
    ...(window.ended ? ['#EXT-X-ENDLIST'] : []),
  ])
}

/** Segments that end further than the skip boundary from the end of the last one (§6.2.5.1). */
function skippable(listed: Segment[]): number {
  let toEnd = 0
  for (let i = listed.length - 1; i >= 0; i--) {
    if (toEnd > CAN_SKIP_UNTIL) return i + 1
    toEnd += segmentDuration(listed[i]!)
  }
  return 0
}

/** The parts of a segment come and go together, since hls.js numbers them by their place in it. */
function firstWithParts(listed: Segment[], growing: Segment | undefined): number {
  let toEnd = 0
  if (growing) for (let part = 0; part < wholeParts(growing); part++) toEnd += partDuration(growing, part)
  for (let i = listed.length - 1; i >= 0; i--) {
    toEnd += segmentDuration(listed[i]!)
    if (toEnd > PARTS_UNTIL) return listed[i]!.msn + 1
  }
  return 0
}

const parts = (segment: Segment): string[] =>
  Array.from(
    { length: wholeParts(segment) },
    (_, part) =>
      `#EXT-X-PART:DURATION=${partDuration(segment, part).toFixed(5)},URI="${partUri(segment.msn, part)}",INDEPENDENT=YES`,
  )

/**
 * How far the other renditions are (§4.4.5.4). All are cut out of one log by one clock: what is whole here is whole there, up to the part that
 * is not. Nobody needs to follow them for it.
 */
function reports(window: Window): string[] {
  const until = wholeUntil(window)
  return Object.values(RENDITIONS).flatMap((other) => {
    const { name, partSamples, partsPerSegment } = other
    const last = Math.floor(until / partSamples) - 1 // Counted from the start of the space.
    if (name === window.rendition.name || last < 0) return []
    const [msn, part] = [Math.floor(last / partsPerSegment), last % partsPerSegment]
    return [`#EXT-X-RENDITION-REPORT:URI="../${name}/index.m3u8",LAST-MSN=${msn},LAST-PART=${part}`]
  })
}

const partUri = (msn: number, part: number): string => `${msn}.${part}.m4s`

export const programDateTime = (startedAt: EpochMs, msn: number): string =>
  `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(wallClock(startedAt, segmentStart(msn)))).toISOString()}`

export function lines(all: string[]): string {
  return `${all.join('\n')}\n`
}

/** The playlist of a recording; its URIs are below `aac/`. What is missing is a gap of its own length (§6.2.1). */
export function replayPlaylist({
  startedAt,
  segments,
}: {
  startedAt: EpochMs
  segments: readonly { msn: number; frames: number; gap?: true | undefined }[]
}): string {
  const heard = segments.filter(({ frames }) => frames > 0)
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    `#EXT-X-TARGETDURATION:${TARGET_DURATION}`,
    '#EXT-X-PLAYLIST-TYPE:VOD',
    `#EXT-X-MEDIA-SEQUENCE:${heard[0]?.msn ?? 0}`,
    '#EXT-X-MAP:URI="aac/init.mp4"',
    ...heard.flatMap(({ msn, frames, gap }, i) => [
      ...(i === 0 ? [programDateTime(startedAt, msn)] : []),
      ...(gap ? ['#EXT-X-GAP'] : []),
      `#EXTINF:${secondsOf(AAC, frames).toFixed(5)},`,
      `aac/${msn}.m4s`,
    ]),
    '#EXT-X-ENDLIST',
  ])
}
