import { AAC_FRAME_SAMPLES, SAMPLE_RATE } from './time.ts'

/**
 * The init segment (CMAF header, ISO/IEC 23000-19 §7.3) of the AAC rendition: AAC-LC, 48 kHz, mono. It is the same for every
 * space, so that the live path never asks the object store for it. No samples, no durations and no edit list (rfc8216bis
 * §3.1.2: `moov/mvex`, `ftyp` of `iso6` or later). Chunks are of track 1 with a media timescale of 48 000.
 */
export function aacInit(): Uint8Array {
  return Uint8Array.from([
    ...box('ftyp', text('iso6'), u32(1), text('iso6cmfcmp41')),
    ...box('moov', movieHeader(), box('trak', trackHeader(), media()), box('mvex', trackExtends())),
  ])
}

export const AAC_TRACK_ID = 1
export const AAC_CODECS = 'mp4a.40.2' // RFC 6381: MPEG-4 audio, object type 2 (LC).
export const AAC_BITRATE = 64_000 // bit/s

/** ISO/IEC 14496-3 §1.6.2.1: object type 2 (5 bits), 48 kHz = index 3 (4 bits), 1 channel (4 bits), 1024 samples a frame. */
const AUDIO_SPECIFIC_CONFIG = [0x11, 0x88]

/** The boxes below: ISO/IEC 14496-12 §8. `1.0` is 0x10000 in 16.16 and 0x100 in 8.8. */
const unityMatrix = () => u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

const movieHeader = () =>
  full('mvhd', 0, u32(0, 0, SAMPLE_RATE, 0, 0x10000), u16(0x100), zeros(10), unityMatrix(), zeros(24), u32(2))

/** Flags 7: enabled, in the movie, in the preview. */
const trackHeader = () =>
  full(
    'tkhd',
    7,
    u32(0, 0, AAC_TRACK_ID, 0, 0),
    zeros(8),
    u16(0, 0, 0x100, 0),
    unityMatrix(),
    zeros(8), // Neither width nor height.
  )

const media = () =>
  box(
    'mdia',
    full('mdhd', 0, u32(0, 0, SAMPLE_RATE, 0), u16(0x55c4, 0)), // Language `und`.
    full('hdlr', 0, u32(0), text('soun'), zeros(12), text('SoundHandler\0')),
    box(
      'minf',
      full('smhd', 0, u16(0, 0)),
      box('dinf', full('dref', 0, u32(1), full('url ', 1))), // Flag 1: the media is in this very file.
      box(
        'stbl',
        full('stsd', 0, u32(1), sampleEntry()),
        full('stts', 0, u32(0)),
        full('stsc', 0, u32(0)),
        full('stsz', 0, u32(0, 0)),
        full('stco', 0, u32(0)),
      ),
    ),
  )

/** sample_depends_on 2 (§8.8.3.1): every AAC frame is a sync sample. */
const trackExtends = () => full('trex', 0, u32(AAC_TRACK_ID, 1, AAC_FRAME_SAMPLES, 0, 0x02000000))

/** `mp4a` (ISO/IEC 14496-14 §5.6) with its elementary stream descriptor (14496-1 §7.2.6). */
function sampleEntry(): number[] {
  const config = descriptor(5, AUDIO_SPECIFIC_CONFIG)
  // Object type 0x40: MPEG-4 audio. 0x15: stream type 5 (audio) and the reserved bit. No buffer size; bitrate, most and mean.
  const decoder = descriptor(4, [0x40, 0x15, 0, 0, 0, ...u32(AAC_BITRATE, AAC_BITRATE), ...config])
  const stream = descriptor(3, [0, 0, 0, ...decoder, ...descriptor(6, [2])])
  const channelsAndBits = u16(1, 16)
  return box(
    'mp4a',
    zeros(6),
    u16(1),
    zeros(8),
    channelsAndBits,
    u32(0, SAMPLE_RATE * 0x10000),
    full('esds', 0, stream),
  )
}

/** A body here is shorter than 128 bytes, so that its length is one byte. */
const descriptor = (tag: number, body: number[]): number[] => [tag, body.length, ...body]

function box(type: string, ...bodies: number[][]): number[] {
  const body = bodies.flat()
  return [...u32(body.length + 8), ...text(type), ...body]
}

const full = (type: string, flags: number, ...bodies: number[][]): number[] =>
  box(type, u32(flags), ...bodies)
const u32 = (...values: number[]): number[] =>
  values.flatMap((value) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255])
const u16 = (...values: number[]): number[] => values.flatMap((value) => [(value >>> 8) & 255, value & 255])
const text = (value: string): number[] => Array.from(value, (letter) => letter.charCodeAt(0))
const zeros = (count: number): number[] => new Array<number>(count).fill(0)
