import type { Logger } from '@odeon/common/logger.ts'
import { Counter, type Registry } from '@odeon/common/metrics.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { createAllowance, type Allowance } from './allowance.ts'
import { createBuckets, type Buckets } from './buckets.ts'
import { createNearSpaces, type NearSpaces } from './near-spaces.ts'
import { createReactionCounter, type ReactionCounter } from './reaction-counter.ts'
import { tellMixer } from './tell-mixer.ts'

/** What this node keeps for posts and reactions: how much each may, and sums on their way. */
export interface Said {
  /** Of one person, on all nodes. */
  readonly posts: Allowance
  /** Of one person, on this node: they come too often to ask anybody, and more of them is a larger number in the same sum. */
  readonly reactions: Buckets
  /** What hosts and authors take away, and pins, of one person. */
  readonly tidying: Buckets
  /** Posts of one space, on all nodes. */
  readonly busy: Allowance
  readonly counter: ReactionCounter
  readonly spaces: NearSpaces
  reported(what: string): void
  close(): void
}

/** A person never meets these. */
const POSTS = { perSecond: 0.5, burst: 5, most: 10, windowMs: 10_000 }
const REACTIONS = { perSecond: 10, burst: 20 }
const TIDYING = { perSecond: 5, burst: 30 }
/** More can't be read. */
const SPACE_POSTS = { perSecond: 10, burst: 20, most: 40, windowMs: 2000 }

export interface SaidOptions {
  ports: Pick<Ports, 'log' | 'store'>
  logger: Logger
  registry: Registry
  /** Other nodes use the same store. */
  shared: boolean
  /** Something was let through by this node's count alone, since the store did not answer. */
  onAlone(): void
  now: () => number
}

export function createSaid({ ports, logger, registry, shared, onAlone, now }: SaidOptions): Said {
  const registers = [registry]
  const reports = new Counter({
    name: 'odeon_reports_total',
    help: 'Reports of posts, people and spaces.',
    labelNames: ['what'],
    registers,
  })
  const dropped = new Counter({
    name: 'odeon_dropped_reactions_total',
    help: 'Reactions that could not be handed to the mixer.',
    registers,
  })
  const counter = createReactionCounter({
    tell: (space, event) => tellMixer(ports.log, space, event),
    logger,
    onDropped: (count) => dropped.inc(count),
  })
  const counted = { store: shared ? ports.store : undefined, onAlone, now }
  return {
    posts: createAllowance({ name: 'posts', ...POSTS, ...counted }),
    reactions: createBuckets(REACTIONS, now),
    tidying: createBuckets(TIDYING, now),
    busy: createAllowance({ name: 'busy', ...SPACE_POSTS, ...counted }),
    counter,
    spaces: createNearSpaces(ports.store, now),
    reported: (what) => reports.inc({ what }),
    close: () => counter.close(),
  }
}
