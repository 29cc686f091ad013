import { Counter, DELAY_BUCKETS, Gauge, Histogram, type Registry } from '@odeon/common/metrics.ts'

/** What the origin measures of itself. */
export interface OriginMetrics {
  /** Counts a request by the kind of thing asked for and the status of its answer. */
  answered(kind: string, status: number): void
  droppedSockets: Counter
  damagedEntries: Counter
  sampleToAnnounced: Histogram<'rendition'>
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
  gauge('odeon_origin_spaces', 'Renditions of spaces that this origin follows.', () => now().spaces)
  gauge('odeon_origin_waiting', 'Requests held until what they ask for exists.', () => now().waiting)
  gauge('odeon_listeners', 'Listeners, estimated from requests to this origin.', () => now().listeners)
  const requests = new Counter({
    name: 'odeon_origin_requests_total',
    help: 'Requests answered, by kind and status.',
    labelNames: ['kind', 'status'],
    registers,
  })
  /** Finding a counter by its labels costs as much as the rest of an answer's head. */
  const known = new Map<string, Map<number, ReturnType<typeof requests.labels>>>()
  const counter = (kind: string, status: number): ReturnType<typeof requests.labels> => {
    let ofKind = known.get(kind)
    if (!ofKind) known.set(kind, (ofKind = new Map()))
    let found = ofKind.get(status)
    if (!found) ofKind.set(status, (found = requests.labels(kind, String(status))))
    return found
  }
  return {
    answered: (kind, status) => counter(kind, status).inc(),
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
      labelNames: ['rendition'] as const,
      registers,
    }),
  }
}
