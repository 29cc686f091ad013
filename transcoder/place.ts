import { messageOf } from '@odeon/common/errors.ts'
import { randomId } from '@odeon/common/ids.ts'
import { REPLICAS, workerKey, type Replica } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Lease, Store } from '@odeon/common/ports.ts'

const TTL_MS = 5000
const RENEWAL_MS = 1500
const MOST_PLACES = 1000

export interface Place {
  /** The replica whose queue this process works on, as long as it lives. */
  readonly replica: Replica
  close(): Promise<void>
}

export interface PlaceOptions {
  store: Store
  logger: Logger
}

/** Joins the replica that has fewer workers: takes the first free of the places a0, b0, a1, b1, …, and keeps it. */
export async function takePlace({ store, logger }: PlaceOptions): Promise<Place> {
  const owner = randomId(12)
  const first = await firstFree(store, owner)
  const { replica } = first
  const { name } = first.lease
  let { lease } = first
  const renew = async (): Promise<void> => {
    if (await store.renew(lease, TTL_MS)) return
    // After a pause somebody else may sit here. Then two are on one place, until one of them starts again: it is the jobs that matter, not the count.
    lease = (await store.acquire(name, owner, TTL_MS)) ?? lease
  }
  const timer = setInterval(() => {
    renew().catch((error: unknown) => {
      logger.warn({ err: messageOf(error) }, 'the place of this transcoder could not be kept')
    })
  }, RENEWAL_MS)
  let closing: Promise<void> | undefined
  return {
    replica,
    close() {
      clearInterval(timer)
      return (closing ??= store.release(lease).catch(() => {})) // It runs out by itself.
    },
  }
}

async function firstFree(store: Store, owner: string): Promise<{ lease: Lease; replica: Replica }> {
  for (let place = 0; place < MOST_PLACES; place++) {
    for (const replica of REPLICAS) {
      const lease = await store.acquire(workerKey(replica, place), owner, TTL_MS)
      if (lease) return { lease, replica }
    }
  }
  throw new Error(`There are ${MOST_PLACES} transcoders of each replica already.`)
}
