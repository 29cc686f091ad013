import { AppError, messageOf } from '@odeon/common/errors.ts'
import { onAirKey, ON_AIR_PREFIX, ownerKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { listNodes } from '@odeon/common/nodes.ts'
import type { Store } from '@odeon/common/ports.ts'
import { getSpace } from '@odeon/common/space.ts'
import type { OpenSpace } from '@odeon/common/internal.ts'

export interface AdoptionOptions {
  store: Store
  logger: Logger
  /** This node. */
  owner: string
  /** Mixes the space here; throws when it can't, or when another was first. */
  open(id: string, space: OpenSpace): Promise<void>
  isOpen(id: string): boolean
  /** This node has room. */
  wants(): boolean
}

export interface Adoption {
  /** Opens a space here if it is live and nobody mixes it. */
  adopt(id: string): Promise<void>
  close(): Promise<void>
}

const EVERY_MS = 250
/** The least loaded node may be first by so much: each that is busier waits a little longer. */
const TURN_MS = 150

/**
 * Looks for spaces on the air that nobody mixes, because their node died or handed them over, and opens them here. Every node looks; the
 * lease lets one in.
 */
export function adoptSpaces(options: AdoptionOptions): Adoption {
  const { store, logger, owner } = options
  let closed = false
  /** When each was first seen without an owner, ms of the monotonic clock. */
  const orphans = new Map<string, number>()

  const look = async (): Promise<void> => {
    if (!options.wants()) return
    const seen = new Set<string>()
    for (const { key } of await store.list(ON_AIR_PREFIX)) {
      const id = key.slice(ON_AIR_PREFIX.length, -1)
      if (options.isOpen(id) || (await store.holder(ownerKey(id)))) continue
      seen.add(id)
      if (!orphans.has(id)) orphans.set(id, performance.now())
    }
    for (const id of orphans.keys()) if (!seen.has(id)) orphans.delete(id)
    if (orphans.size === 0) return
    const nodes = (await listNodes(store, Date.now())).filter(({ full }) => !full)
    const turn = Math.max(
      0,
      nodes.findIndex(({ id }) => id === owner),
    )
    for (const [id, since] of orphans) {
      if (performance.now() - since < turn * TURN_MS) continue
      orphans.delete(id)
      await adopt(id)
    }
  }

  const adopt = async (id: string): Promise<void> => {
    const space = await getSpace(store, id)
    if (space?.state !== 'live' || space.startedAt === undefined) return store.delete(onAirKey(id))
    try {
      await options.open(id, { title: space.title, startedAt: space.startedAt })
      logger.warn({ space: id }, 'this space had no owner any more and is mixed here now')
    } catch (error) {
      if (error instanceof AppError && error.code === 'owned_elsewhere') return
      if (error instanceof AppError && error.code === 'already_ended') return store.delete(onAirKey(id))
      throw error
    }
  }

  let looking: Promise<void> = Promise.resolve()
  const next = (): Promise<void> =>
    (looking = looking.then(look).catch((error: unknown) => {
      logger.warn({ err: messageOf(error) }, 'it could not be seen whether a space has no owner')
    }))
  let timer: NodeJS.Timeout | undefined
  const again = (): void => {
    void next().then(() => {
      if (!closed) timer = setTimeout(again, EVERY_MS)
    })
  }
  again()
  return {
    adopt,
    async close() {
      closed = true
      clearTimeout(timer)
      await looking
    },
  }
}
