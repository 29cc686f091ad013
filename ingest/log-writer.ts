import { setTimeout as pause } from 'node:timers/promises'
import { encodeLogEntry, frameId, type LogEntry } from '@odeon/common/frame.ts'
import type { Log } from '@odeon/common/ports.ts'

/** Frames held while the log does not answer: 30 s. Full, the oldest go: they become a hole, and the space stays live. */
const CAPACITY = 1500
const RETRY_MS = 100

export interface LogWriterOptions {
  log: Log
  key: string
  epoch: number
  /** Another mixer owns the space: this one must fall silent. */
  onFenced(): void
  onDropped(count: number): void
  onError(error: unknown): void
}

/** Writes frames in order, one after the other, and holds them while the log is away. */
export class LogWriter {
  readonly #options: LogWriterOptions
  #waiting: { frame: number; entry: LogEntry }[] = []
  #draining: Promise<void> | undefined
  #fenced = false

  constructor(options: LogWriterOptions) {
    this.#options = options
  }

  write(frame: number, entry: LogEntry): void {
    if (this.#fenced) return
    this.#waiting.push({ frame, entry })
    if (this.#waiting.length > CAPACITY) {
      this.#waiting.shift()
      this.#options.onDropped(1)
    }
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined))
  }

  /** Resolves when all that was written has reached the log, or the mixer was fenced. */
  async flushed(): Promise<void> {
    while (this.#draining) await this.#draining
  }

  async #drain(): Promise<void> {
    const { log, key, epoch } = this.#options
    while (this.#waiting.length > 0 && !this.#fenced) {
      const { frame, entry } = this.#waiting[0]!
      try {
        const answer = await log.append(key, frameId(epoch, frame), encodeLogEntry(entry))
        if (answer === 'refused') {
          this.#fenced = true
          this.#waiting = []
          this.#options.onFenced()
          return
        }
        if (this.#waiting[0]?.frame === frame) this.#waiting.shift()
      } catch (error) {
        this.#options.onError(error)
        await pause(RETRY_MS)
      }
    }
  }
}
