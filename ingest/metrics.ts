import { Counter, DELAY_BUCKETS, Gauge, Histogram, type Registry } from '@odeon/common/metrics.ts'

/** What ingest measures of itself. */
export interface IngestMetrics {
  beatLateness: Histogram
  concealedFrames: Counter
  droppedPackets: Counter<'reason'>
  droppedFrames: Counter
  missedReturns: Counter
  posts: Counter
  droppedPosts: Counter
  reactions: Counter
}

/** `now` answers how many spaces are mixed here and how many speak in them. */
export function ingestMetrics(
  registry: Registry,
  now: () => { spaces: number; speakers: number },
): IngestMetrics {
  const registers = [registry]
  new Gauge({
    name: 'odeon_spaces',
    help: 'Spaces mixed by this node.',
    registers,
    collect() {
      this.set(now().spaces)
    },
  })
  new Gauge({
    name: 'odeon_speakers',
    help: 'People on the stages of this node.',
    registers,
    collect() {
      this.set(now().speakers)
    },
  })
  return {
    beatLateness: new Histogram({
      name: 'odeon_beat_lateness_seconds',
      help: 'How late the 20 ms beat came.',
      buckets: DELAY_BUCKETS,
      registers,
    }),
    concealedFrames: new Counter({
      name: 'odeon_concealed_frames_total',
      help: 'Frames of speakers that were lost and made up.',
      registers,
    }),
    droppedPackets: new Counter({
      name: 'odeon_dropped_packets_total',
      help: 'Packets of speakers that were not used, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    missedReturns: new Counter({
      name: 'odeon_missed_returns_total',
      help: 'Frames that one speaker heard as silence, because more mouths opened at once than encoders were ready.',
      registers,
    }),
    posts: new Counter({ name: 'odeon_posts_total', help: 'Posts written into the log.', registers }),
    droppedPosts: new Counter({
      name: 'odeon_dropped_posts_total',
      help: 'Posts given up because more of them waited for a frame than there may be.',
      registers,
    }),
    reactions: new Counter({
      name: 'odeon_reactions_total',
      help: 'Emoji that were summed up into the log.',
      registers,
    }),
    droppedFrames: new Counter({
      name: 'odeon_dropped_log_frames_total',
      help: 'Mixed frames given up because the log was away for longer than 30 s.',
      registers,
    }),
  }
}
