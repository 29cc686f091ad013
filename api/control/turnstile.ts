/**
 * Lets requests in by small portions, and the event loop turn between two: where the mix runs in this process too, its beat does not wait for a
 * crowd that came at once. What is more than `most` is turned away.
 */
export interface Turnstile {
  /** Calls `enter` now or soon; false, and never, when too many wait. */
  pass(enter: () => void): boolean
}

/** A few milliseconds of work. */
const A_TURN = 12
const MOST = 2000

export function createTurnstile({ aTurn = A_TURN, most = MOST } = {}): Turnstile {
  const waiting: (() => void)[] = []
  let entered = 0
  let turning = false
  const turn = (): void => {
    turning = false
    entered = 0
    for (const enter of waiting.splice(0, aTurn)) {
      entered++
      enter()
    }
    if (entered > 0) turnSoon()
  }
  const turnSoon = (): void => {
    if (turning) return
    turning = true
    setImmediate(turn)
  }
  return {
    pass(enter) {
      if (waiting.length >= most) return false
      turnSoon()
      if (waiting.length === 0 && entered < aTurn) {
        entered++
        enter()
      } else waiting.push(enter)
      return true
    },
  }
}
