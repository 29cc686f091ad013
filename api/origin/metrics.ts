import { Counter, DELAY_BUCKETS, Gauge, Histogram, type Registry } from '@odeon/common/metrics.ts'

/** What the origin measures of itself. */
export interface OriginMetrics {
  /** By `kind` of thing asked for and `status` of the answer. */
  requests: Counter
  droppedSockets: Counter
  damagedEntries: Counter
  sampleToAnnounced: Histogram
}

/** `now` answers how many spaces are followed, how many requests wait or read what grows, and how many seem to listen. */
export function originMetrics(
  registry: Registry,
  now: () => { spaces: number; waiting: number; listeners: number },
): OriginMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('odeon_origin_spaces', 'Spaces whose chunks this origin follows.', () => now().spaces)
  gauge('odeon_origin_waiting', 'Requests held until what they ask for exists.', () => now().waiting)
  gauge('odeon_listeners', 'Listeners, estimated from requests to this origin.', () => now().listeners)
  return {
    requests: new Counter({
      name: 'odeon_origin_requests_total',
      help: 'Requests answered, by kind and status.',
      labelNames: ['kind', 'status'],
      registers,
    }),
    droppedSockets: new Counter({
      name: 'odeon_origin_dropped_sockets_total',
      help: 'Readers dropped because they read too slowly.',
      registers,
    }),
    damagedEntries: new Counter({
      name: 'odeon_origin_damaged_entries_total',
      help: 'Entries of chunk logs that were damaged, out of order, or came after a hole.',
      registers,
    }),
    sampleToAnnounced: new Histogram({
      name: 'odeon_sample_to_announced_seconds',
      help: 'From the wall clock of the last sample of a chunk until the origin has it.',
      buckets: DELAY_BUCKETS,
      registers,
    }),
  }
}
