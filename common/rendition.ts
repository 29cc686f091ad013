import {
  AAC_FRAME_SAMPLES,
  FRAME_SAMPLES,
  SEGMENT_SAMPLES,
  type ChunkPosition,
  type Samples,
} from './time.ts'

/**
 * The renditions of a live space, and how each cuts the sample clock: codec frames make a chunk (`moof` `mdat`: what the transcoder writes and
 * our player receives), chunks make a part (what every other LL-HLS player receives), parts make a segment. Segments are the same for all.
 */
export type RenditionName = 'aac' | 'opus'

export interface Rendition {
  readonly name: RenditionName
  /** As RFC 6381 writes it. */
  readonly codecs: string
  readonly frameSamples: Samples
  readonly framesPerChunk: number
  readonly chunkSamples: Samples
  readonly chunksPerPart: number
  readonly partSamples: Samples
  readonly chunksPerSegment: number
  readonly partsPerSegment: number
}

function rendition(
  name: RenditionName,
  codecs: string,
  cut: { frameSamples: Samples; framesPerChunk: number; chunksPerPart: number },
): Rendition {
  const chunkSamples = cut.frameSamples * cut.framesPerChunk
  const partSamples = chunkSamples * cut.chunksPerPart
  return {
    name,
    codecs,
    ...cut,
    chunkSamples,
    partSamples,
    chunksPerSegment: SEGMENT_SAMPLES / chunkSamples,
    partsPerSegment: SEGMENT_SAMPLES / partSamples,
  }
}

/** Chunks of 106.7 ms, 18 in a segment; parts of 213.3 ms, 9 in a segment. */
export const AAC = rendition('aac', 'mp4a.40.2', {
  frameSamples: AAC_FRAME_SAMPLES,
  framesPerChunk: 5,
  chunksPerPart: 2,
})
/** Chunks of 80 ms, 24 in a segment; parts of 240 ms, 8 in a segment. */
export const OPUS = rendition('opus', 'Opus', {
  frameSamples: FRAME_SAMPLES,
  framesPerChunk: 4,
  chunksPerPart: 3,
})

export const RENDITIONS: Readonly<Record<RenditionName, Rendition>> = { aac: AAC, opus: OPUS }

/** First sample of a chunk. */
export const chunkStart = ({ chunkSamples }: Rendition, { msn, chunk }: ChunkPosition): Samples =>
  msn * SEGMENT_SAMPLES + chunk * chunkSamples

/** The chunk that holds a sample. */
export function chunkAt({ chunkSamples }: Rendition, sample: Samples): ChunkPosition {
  const msn = Math.floor(sample / SEGMENT_SAMPLES)
  return { msn, chunk: Math.floor((sample - msn * SEGMENT_SAMPLES) / chunkSamples) }
}

export const nextChunk = ({ chunksPerSegment }: Rendition, { msn, chunk }: ChunkPosition): ChunkPosition =>
  chunk + 1 === chunksPerSegment ? { msn: msn + 1, chunk: 0 } : { msn, chunk: chunk + 1 }
