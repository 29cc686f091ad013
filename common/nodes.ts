import { z } from 'zod'
import { messageOf } from './errors.ts'
import { nodeKey, NODE_PREFIX } from './keys.ts'
import type { Logger } from './logger.ts'
import type { Store } from './ports.ts'
import type { EpochMs } from './time.ts'

/** An ingest node, as it tells the others of itself: the document `node:{id}`, written anew each second. */
export const Node = z.object({
  /** Also the owner of its leases. */
  id: z.string(),
  /** Its internal address, `http://host:port`. */
  url: z.url(),
  spaces: z.number(),
  speakers: z.number(),
  /** It takes no more spaces: it is full, or about to stop. */
  full: z.boolean(),
  /** By its own clock. */
  seenAt: z.number(),
})
export type Node = z.infer<typeof Node>

const EVERY_MS = 1000
/** A node that was silent for so long is left alone; clocks of machines may differ by a second or two. */
const SILENT_MS = 5000
/** And its document is deleted by whoever sees it after this. */
const FORGOTTEN_MS = 60_000

/** A thousand talks of one speaker weigh as much as one of a thousand: what costs is the voices, and a little each space. */
export const loadOf = ({ spaces, speakers }: Node): number => spaces + 2 * speakers

/** The nodes that are alive, the least loaded first. */
export async function listNodes(store: Store, now: EpochMs): Promise<Node[]> {
  const nodes: Node[] = []
  for (const { key, value } of await store.list(NODE_PREFIX)) {
    const node = Node.safeParse(value).data
    if (!node || Math.abs(now - node.seenAt) > FORGOTTEN_MS) await store.delete(key)
    else if (Math.abs(now - node.seenAt) <= SILENT_MS) nodes.push(node)
  }
  return nodes.sort((a, b) => loadOf(a) - loadOf(b) || (a.id < b.id ? -1 : 1))
}

export interface RegistrationOptions {
  store: Store
  logger: Logger
  /** As it is now. */
  describe(): Omit<Node, 'seenAt'>
}

export interface Registration {
  /** Tells the others at once, without waiting for the next second. */
  tell(): Promise<void>
  /** The node is no more. */
  close(): Promise<void>
}

/** Tells the other nodes of this one until it is closed. The first time it must succeed. */
export async function registerNode({ store, logger, describe }: RegistrationOptions): Promise<Registration> {
  const key = nodeKey(describe().id)
  let version = 0
  let closing: Promise<void> | undefined
  const write = async (): Promise<void> => {
    const node: Node = { ...describe(), seenAt: Date.now() }
    let written = await store.put(key, node, version)
    if (written === 'conflict') {
      // Its answer was lost, or it was forgotten meanwhile.
      version = (await store.get(key))?.version ?? 0
      written = await store.put(key, node, version)
    }
    if (written !== 'conflict') version = written
  }
  let telling = Promise.resolve()
  const tell = (): Promise<void> => {
    const told = telling.then(write)
    telling = told.catch((error: unknown) => {
      logger.warn({ err: messageOf(error) }, 'this node could not tell the others of itself')
    })
    return told
  }
  await tell()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return // A slow store: one at a time.
    busy = true
    tell().then(
      () => (busy = false),
      () => (busy = false),
    )
  }, EVERY_MS)
  return {
    tell,
    close: () =>
      (closing ??= (async () => {
        clearInterval(timer)
        await telling
        await store.delete(key)
      })()),
  }
}
