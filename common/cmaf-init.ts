import { AAC, OPUS, type Rendition } from './rendition.ts'
import { SAMPLE_RATE } from './time.ts'

/**
 * The init segments (CMAF headers, ISO/IEC 23000-19 §7.3) of the renditions: AAC-LC and Opus, each 48 kHz, mono. They are the same for every
 * space, so that the live path never asks the object store for one. No samples, no durations and no edit list (rfc8216bis
 * §3.1.2: `moov/mvex`, `ftyp` of `iso6` or later). Chunks are of track 1 with a media timescale of 48 000.
 */
export const aacInit = (): Uint8Array => init(AAC, mp4a())
export const opusInit = (): Uint8Array => init(OPUS, opus(), rollGroup())

export const TRACK_ID = 1
/** bit/s. The log's Opus of 64 kb/s sounds as good: docs/decisions/0007. */
export const AAC_BITRATE = 96_000

function init(rendition: Rendition, sampleEntry: number[], ...more: number[][]): Uint8Array {
  return Uint8Array.from([
    ...box('ftyp', text('iso6'), u32(1), text('iso6cmfcmp41')),
    ...box(
      'moov',
      movieHeader(),
      box('trak', trackHeader(), media(sampleEntry, more)),
      box('mvex', trackExtends(rendition)),
    ),
  ])
}

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
    u32(0, 0, TRACK_ID, 0, 0),
    zeros(8),
    u16(0, 0, 0x100, 0),
    unityMatrix(),
    zeros(8), // Neither width nor height.
  )

const media = (sampleEntry: number[], more: number[][]) =>
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
        full('stsd', 0, u32(1), sampleEntry),
        full('stts', 0, u32(0)),
        full('stsc', 0, u32(0)),
        full('stsz', 0, u32(0, 0)),
        full('stco', 0, u32(0)),
        ...more,
      ),
    ),
  )

/** sample_depends_on 2 (§8.8.3.1): every frame is a sync sample. */
const trackExtends = ({ frameSamples }: Rendition) =>
  full('trex', 0, u32(TRACK_ID, 1, frameSamples, 0, 0x02000000))

/** `mp4a` (ISO/IEC 14496-14 §5.6) with its elementary stream descriptor (14496-1 §7.2.6). */
function mp4a(): number[] {
  const config = descriptor(5, AUDIO_SPECIFIC_CONFIG)
  // Object type 0x40: MPEG-4 audio. 0x15: stream type 5 (audio) and the reserved bit. No buffer size; bitrate, most and mean.
  const decoder = descriptor(4, [0x40, 0x15, 0, 0, 0, ...u32(AAC_BITRATE, AAC_BITRATE), ...config])
  const stream = descriptor(3, [0, 0, 0, ...decoder, ...descriptor(6, [2])])
  return audioEntry('mp4a', full('esds', 0, stream))
}

/**
 * `Opus` (Encapsulation of Opus in ISOBMFF 0.6.8 §4.3.2): version 0, one channel, input of 48 kHz, no gain, mapping family 0. No pre-skip: what
 * the decoder makes of a frame of the log is that frame, as in the AAC rendition, and nobody tunes in at the encoder's first.
 */
const opus = (): number[] => audioEntry('Opus', box('dOps', [0, 1], u16(0), u32(SAMPLE_RATE), u16(0), [0]))

/** A decoder that begins in the middle is right after 80 ms (§4.3.6.2): all samples are in a group that rolls four frames. */
const rollGroup = (): number[] => full2('sgpd', text('roll'), u32(2, 1, 1), u16(0x10000 - 4))

/** AudioSampleEntry (ISO/IEC 14496-12 §12.2.3): data reference 1, one channel of 16 bits, 48 kHz. */
const audioEntry = (type: string, config: number[]): number[] =>
  box(type, zeros(6), u16(1), zeros(8), u16(1, 16), u32(0, SAMPLE_RATE * 0x10000), config)

/** A body here is shorter than 128 bytes, so that its length is one byte. */
const descriptor = (tag: number, body: number[]): number[] => [tag, body.length, ...body]

function box(type: string, ...bodies: number[][]): number[] {
  const body = bodies.flat()
  return [...u32(body.length + 8), ...text(type), ...body]
}

const full = (type: string, flags: number, ...bodies: number[][]): number[] =>
  box(type, u32(flags), ...bodies)
/** Version 2. */
const full2 = (type: string, ...bodies: number[][]): number[] => box(type, u32(2 << 24), ...bodies)
const u32 = (...values: number[]): number[] =>
  values.flatMap((value) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255])
const u16 = (...values: number[]): number[] => values.flatMap((value) => [(value >>> 8) & 255, value & 255])
const text = (value: string): number[] => Array.from(value, (letter) => letter.charCodeAt(0))
const zeros = (count: number): number[] => new Array<number>(count).fill(0)
