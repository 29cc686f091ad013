import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@odeon/common/errors.ts'
import { InboxEvent } from '@odeon/common/events.ts'
import { inboxKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { EntryId, Log } from '@odeon/common/ports.ts'

export interface InboxOptions {
  log: Log
  id: string
  logger: Logger
  signal: AbortSignal
  /** The last entry that was seen to; what comes after it is read. */
  after: EntryId
  onEvent(event: InboxEvent): void
}

const WAIT_MS = 5000
const RETRY_MS = 500
/** Entries read between two trims: what was seen to is not kept. */
const TRIM_EVERY = 64

/** Reads what the api asks of the mixer of a space, in order, until it is aborted. */
export class Inbox {
  #after: EntryId
  readonly #options: InboxOptions

  constructor(options: InboxOptions) {
    this.#options = options
    this.#after = options.after
    void this.#read()
  }

  /** Up to here everything was handed on. */
  get position(): EntryId {
    return this.#after
  }

  async #read(): Promise<void> {
    const { log, id, logger, signal } = this.#options
    let untrimmed = 0
    while (!signal.aborted) {
      try {
        const entries = await log.read(inboxKey(id), this.#after, { waitMs: WAIT_MS, signal })
        if (signal.aborted) return
        for (const entry of entries) {
          this.#after = entry.id
          this.#handOn(entry.body)
        }
        untrimmed += entries.length
        if (untrimmed < TRIM_EVERY) continue
        untrimmed = 0
        await log.trim(inboxKey(id), this.#after)
      } catch (error) {
        if (signal.aborted) return
        logger.warn({ space: id, err: messageOf(error) }, 'the inbox does not answer')
        await pause(RETRY_MS)
      }
    }
  }

  /** One that can't be read, or fails, does not keep the next ones waiting. */
  #handOn(body: Uint8Array): void {
    const { id, logger, onEvent } = this.#options
    const text = new TextDecoder().decode(body)
    const event = InboxEvent.safeParse(parseJson(text))
    if (event.success) onEvent(event.data)
    else logger.warn({ space: id, entry: text.slice(0, 200) }, 'not an inbox event; skipped')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
