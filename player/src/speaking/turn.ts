/** One time on stage, or on the way there. */
export interface Turn {
  readonly signal: AbortSignal
  /** He may be heard. False while his hand is up. */
  readonly isLetOn: boolean
  /** Resolves when he is let on, or when it is over. */
  readonly letOn: Promise<void>
  /** Resolves when he is on stage, or when it is over. */
  readonly arrived: Promise<void>
  letHimOn(): void
  arrive(): void
  end(): void
}

export function newTurn(isLetOn: boolean): Turn {
  const over = new AbortController()
  const later = (): [Promise<void>, () => void] => {
    let settle = (): void => {}
    const promise = new Promise<void>((resolve) => (settle = resolve))
    over.signal.addEventListener('abort', settle)
    return [promise, settle]
  }
  const [letOn, settleLetOn] = later()
  const [arrived, arrive] = later()
  if (isLetOn) settleLetOn()
  return {
    signal: over.signal,
    get isLetOn() {
      return isLetOn
    },
    letOn,
    arrived,
    arrive,
    letHimOn() {
      isLetOn = true
      settleLetOn()
    },
    end: () => over.abort(),
  }
}
