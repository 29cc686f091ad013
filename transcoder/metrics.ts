import { Counter, DELAY_BUCKETS, Gauge, Histogram, type Registry } from '@odeon/common/metrics.ts'

export type TranscoderMetrics = ReturnType<typeof createTranscoderMetrics>

export function createTranscoderMetrics(registry: Registry) {
  const registers = [registry]
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const byRendition = { registers, labelNames: ['rendition'] as const }
  return {
    liveJobs: new Gauge({
      name: 'odeon_transcoder_live_jobs',
      help: 'Spaces being transcoded here.',
      registers,
    }),
    chunkDelay: new Histogram({
      name: 'odeon_transcoder_chunk_delay_seconds',
      help: 'From the wall clock of the last sample of a chunk to its announcement.',
      buckets: DELAY_BUCKETS,
      ...byRendition,
    }),
    chunksWritten: new Counter({
      name: 'odeon_transcoder_chunks_written_total',
      help: 'Chunks that this worker wrote.',
      ...byRendition,
    }),
    chunksThere: new Counter({
      name: 'odeon_transcoder_chunks_already_there_total',
      help: 'Chunks that another had written.',
      ...byRendition,
    }),
    ffmpegRestarts: counter(
      'odeon_ffmpeg_restarts_total',
      'Times that an ffmpeg died or hung and was replaced.',
    ),
    attemptsFailed: counter(
      'odeon_transcoder_attempts_failed_total',
      'Attempts at writing a rendition given up for another reason.',
    ),
    damagedEntries: counter('odeon_log_damaged_entries_total', 'Log entries that were replaced by silence.'),
    segmentsStored: counter('odeon_segments_stored_total', 'Segments put into the object store here.'),
    segmentsErased: counter(
      'odeon_segments_erased_total',
      'Stored segments that were written anew without a post that was removed.',
    ),
    segmentsLost: counter(
      'odeon_segments_lost_total',
      'Segments whose chunks were gone before they were stored.',
    ),
    segmentRetries: counter('odeon_segment_store_retries_total', 'Failed calls while storing segments.'),
  }
}
