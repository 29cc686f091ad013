import type { IngestMetrics } from './metrics.ts'
import type { Room, RoomCounts, Unused } from './room.ts'
import type { SaidThings } from './said.ts'

export interface TallyOptions {
  room: Pick<Room, 'counts'>
  said: Pick<SaidThings, 'counted'>
  metrics: Omit<IngestMetrics, 'beatLateness' | 'droppedFrames'>
}

/** Puts what a space has counted into the counters of its node. */
export class Tally {
  readonly #options: TallyOptions
  #before: RoomCounts

  constructor(options: TallyOptions) {
    this.#options = options
    this.#before = options.room.counts()
  }

  /** All since the last call. */
  count(): void {
    const { room, said, metrics } = this.#options
    const before = this.#before
    const now = (this.#before = room.counts())
    metrics.concealedFrames.inc(now.concealed - before.concealed)
    for (const reason of Object.keys(now.dropped) as Unused[])
      metrics.droppedPackets.inc({ reason }, now.dropped[reason] - before.dropped[reason])
    metrics.missedReturns.inc(now.missed - before.missed)
    const { dropped, posts, reactions } = said.counted()
    metrics.droppedPosts.inc(dropped)
    metrics.posts.inc(posts)
    metrics.reactions.inc(reactions)
  }
}
