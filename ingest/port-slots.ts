import { AppError } from '@odeon/common/errors.ts'

/** One socket for each interface; werift looks for a free port from the lowest of its range on, so each peer gets a range of its own. */
const PORTS_PER_PEER = 4

export interface PortSlot {
  /** Both inclusive. */
  range: [number, number]
  /** May be called twice. */
  release(): void
}

/** Hands out small ranges of the UDP ports that the operator opened. */
export class PortSlots {
  readonly #free: [number, number][] = []
  readonly #all: [number, number]

  constructor([low, high]: [number, number]) {
    this.#all = [low, high]
    for (let first = low; first + PORTS_PER_PEER - 1 <= high; first += PORTS_PER_PEER)
      this.#free.push([first, first + PORTS_PER_PEER - 1])
  }

  /** Throws `no_ports` (503) when all are taken. */
  take(): PortSlot {
    const range = this.#free.shift()
    if (!range)
      throw new AppError(
        503,
        'no_ports',
        `All UDP ports for speakers are in use (${this.#all.join('-')}, ${PORTS_PER_PEER} each). Widen ODEON_UDP_PORTS.`,
      )
    let released = false
    return {
      range,
      release: () => {
        if (!released) this.#free.push(range)
        released = true
      },
    }
  }
}
