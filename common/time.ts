/**
 * The sample clock that numbers everything. A space is mono at 48 kHz; frame 0 begins at `startedAt`, and every
 * number below is a function of the sample position, never a count that a process keeps.
 */

/** Samples since the start of the space. */
export type Samples = number
/** Milliseconds since the Unix epoch. */
export type EpochMs = number

export const SAMPLE_RATE = 48_000 // The RTP clock of Opus too (RFC 7587 §4.1), whatever the microphone ran at.
export const FRAME_SAMPLES = 960 // One Opus frame, one log entry: 20 ms.
export const FRAME_MS = 20
export const SEGMENT_SAMPLES = 92_160 // 1.92 s: 90 AAC frames, 96 Opus frames. The two codecs meet exactly here.
export const FRAMES_PER_SEGMENT = SEGMENT_SAMPLES / FRAME_SAMPLES
export const TARGET_DURATION = 2 // EXT-X-TARGETDURATION, seconds.

export const AAC_FRAME_SAMPLES = 1024

/** A hole in the log longer than this ends the space. */
export const MAX_HOLE_MS = 60_000

/** Place of a chunk: media sequence number of its segment, and its index in it. */
export interface ChunkPosition {
  msn: number
  chunk: number
}

/** Wall clock of a sample. Derived from the origin each time, so that rounding never adds up. */
export const wallClock = (startedAt: EpochMs, sample: Samples): EpochMs =>
  startedAt + (sample * 1000) / SAMPLE_RATE

/** The frame that is being spoken at a moment; negative before the start. */
export const frameAt = (startedAt: EpochMs, now: EpochMs): number => Math.floor((now - startedAt) / FRAME_MS)
