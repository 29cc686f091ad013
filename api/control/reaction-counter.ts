import { messageOf } from '@odeon/common/errors.ts'
import type { InboxEvent } from '@odeon/common/events.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { addCounts, REACTIONS_EVERY_MS, type Reaction } from '@odeon/common/posts.ts'

/**
 * Sums up the reactions that this node takes, for each space: the first goes to the mixer at once, what comes within `everyMs` after it as one
 * more word. So a space costs the same however many react. What can't be told is dropped: applause that comes late means nothing.
 */
export interface ReactionCounter {
  add(space: string, emoji: Reaction, count: number): void
  close(): void
}

export interface ReactionCounterOptions {
  tell(space: string, event: InboxEvent): Promise<void>
  logger: Logger
  onDropped(count: number): void
  /** `REACTIONS_EVERY_MS` unless told. */
  everyMs?: number
}

interface Sum {
  readonly counts: Map<Reaction, number>
  timer: NodeJS.Timeout
  telling: boolean
}

export function createReactionCounter(options: ReactionCounterOptions): ReactionCounter {
  const { tell, logger, onDropped, everyMs = REACTIONS_EVERY_MS } = options
  /** Of spaces in which somebody reacted within `everyMs`. */
  const sums = new Map<string, Sum>()

  const send = (space: string, sum: Sum): void => {
    const counts = Object.fromEntries(sum.counts)
    const many = [...sum.counts.values()].reduce((all, count) => all + count, 0)
    sum.counts.clear()
    sum.telling = true
    tell(space, { type: 'reactions', counts })
      .catch((error: unknown) => {
        onDropped(many)
        logger.warn({ space, err: messageOf(error) }, 'reactions could not be handed on')
      })
      .finally(() => (sum.telling = false))
  }
  const look = (space: string, sum: Sum): void => {
    if (sum.telling) return // The log is slow: one word at a time.
    if (sum.counts.size > 0) return send(space, sum)
    clearInterval(sum.timer)
    sums.delete(space)
  }

  return {
    add(space, emoji, count) {
      let sum = sums.get(space)
      if (sum) return addCounts(sum.counts, { [emoji]: count })
      sum = {
        counts: new Map([[emoji, count]]),
        timer: setInterval(() => look(space, sum!), everyMs),
        telling: false,
      }
      sums.set(space, sum)
      send(space, sum)
    },
    close() {
      for (const { timer } of sums.values()) clearInterval(timer)
      sums.clear()
    },
  }
}
