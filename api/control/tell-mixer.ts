import type { InboxEvent } from '@odeon/common/events.ts'
import { inboxKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'

/** Hands an event to the mixer of a space. */
export async function tellMixer(log: Log, id: string, event: InboxEvent): Promise<void> {
  await log.add(inboxKey(id), new TextEncoder().encode(JSON.stringify(event)))
}
