import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { LogEntry } from '@odeon/common/frame.ts'
import { logKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Lease } from '@odeon/common/ports.ts'
import { LogWriter } from './log-writer.ts'
import type { IngestMetrics } from './metrics.ts'
import { claimSpace, LEASE_RENEWAL_MS, LEASE_TTL_MS, type Claim, type ClaimOptions } from './owner.ts'

export interface TenureOptions extends Omit<ClaimOptions, 'now'> {
  logger: Logger
  metrics: Pick<IngestMetrics, 'droppedFrames'>
  /** Aborted when the mixer stops: nothing is claimed any more. */
  signal: AbortSignal
  /** The space was claimed anew: the beat goes on where this says, under the new epoch. */
  onClaimed(claim: Claim): void
  /** Somebody else mixes the space, or it has ended. */
  onLost(): void
}

/** How a node holds a space: the lease, renewed until `release()`, and the log that is written under it. */
export class Tenure {
  readonly #options: TenureOptions
  readonly #timer: NodeJS.Timeout
  #lease: Lease
  #writer: LogWriter
  #reclaiming = false

  constructor(options: TenureOptions, { lease }: Claim) {
    this.#options = options
    this.#lease = lease
    this.#writer = this.#openWriter(lease)
    this.#timer = setInterval(() => void this.#renew(), LEASE_RENEWAL_MS)
    options.signal.addEventListener('abort', () => clearInterval(this.#timer), { once: true })
  }

  #openWriter({ epoch }: Lease): LogWriter {
    const { log, id, logger, metrics, onLost } = this.#options
    const writer = new LogWriter({
      log,
      key: logKey(id),
      epoch,
      onFenced: () => {
        if (writer === this.#writer && !this.#reclaiming) onLost()
      },
      onDropped: (count) => metrics.droppedFrames.inc(count),
      onError: (error) =>
        logger.warn({ space: id, err: messageOf(error) }, 'the log does not answer; frames wait'),
    })
    return writer
  }

  /** As `LogWriter.write`. */
  write(frame: number, entry: LogEntry): void {
    this.#writer.write(frame, entry)
  }

  /** As `LogWriter.flushed`. */
  flushed(): Promise<void> {
    return this.#writer.flushed()
  }

  async #renew(): Promise<void> {
    const { id, store, logger } = this.#options
    try {
      if (await store.renew(this.#lease, LEASE_TTL_MS)) return
      await this.#reclaim()
    } catch (error) {
      // The store is away. The log's fence protects the space; go on talking.
      logger.warn({ space: id, err: messageOf(error) }, 'the lease could not be renewed')
    }
  }

  /**
   * The lease ran out, by a pause of this process or a sleep of the machine. If somebody else has it, he mixes. If nobody has, this node takes
   * it again, with a new epoch and the clock set anew: those on stage stay where they are.
   */
  async #reclaim(): Promise<void> {
    const { id, store, logger, signal, onClaimed, onLost } = this.#options
    if (this.#reclaiming || signal.aborted) return
    this.#reclaiming = true
    try {
      // What was held while the log was away is written first, under the old epoch: if somebody else has the space, the log refuses it.
      await this.#writer.flushed()
      const claim = await claimSpace({ ...this.#options, now: Date.now() })
      if (signal.aborted) return await store.release(claim.lease)
      logger.warn({ space: id }, 'this process was away; the space goes on')
      this.#lease = claim.lease
      this.#writer = this.#openWriter(claim.lease)
      onClaimed(claim)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      onLost()
    } finally {
      this.#reclaiming = false
    }
  }

  /** Gives the lease back, so that another node need not wait for its end. What is written is waited for by `flushed`. */
  async release(): Promise<void> {
    const { id, store, logger } = this.#options
    clearInterval(this.#timer)
    await store.release(this.#lease).catch((error: unknown) => {
      logger.warn({ space: id, err: messageOf(error) }, 'the lease was not given back; it runs out by itself')
    })
  }
}
