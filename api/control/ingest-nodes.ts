import { AppError } from '@odeon/common/errors.ts'
import { ownerKey } from '@odeon/common/keys.ts'
import { listNodes } from '@odeon/common/nodes.ts'
import type { Store } from '@odeon/common/ports.ts'

/**
 * Finds the ingest node of a space: its owner, or for one that nobody mixes the least loaded. Throws `no_ingest` (503) when there is none, or when
 * the owner died a moment ago and its lease has yet to run out.
 */
export function findIngest(store: Store, now: () => number): (space: string) => Promise<string> {
  return async (space) => {
    const [owner, nodes] = await Promise.all([store.holder(ownerKey(space)), listNodes(store, now())])
    const node = owner ? nodes.find(({ id }) => id === owner.owner) : nodes.find(({ full }) => !full)
    if (node) return node.url
    throw new AppError(
      503,
      'no_ingest',
      owner
        ? 'The stage is moving to another machine. Try again in a moment.'
        : 'No machine has room for a stage right now. Try again later.',
    )
  }
}
