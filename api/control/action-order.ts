import { AppError } from '@odeon/common/errors.ts'

/**
 * Puts what one person does in order, and does it once. `n` numbers his actions upwards: the same number again gets the answer of the first time,
 * a smaller one that comes late is refused (`stale`, 409), and one waits for the one before. Kept for those who act at this node now; what came by
 * another node, or a while ago, the document knows (`actInOrder`).
 */
export interface ActionOrder {
  /** Throws `stale` (409), `too_many` (429), and what `act` throws. */
  once(person: string, n: number, act: () => Promise<void>): Promise<void>
}

interface Doer {
  newest: number
  answers: Map<number, Promise<void>>
  waiting: number
  tokens: number
  filledAt: number
}

/** Answers remembered a person. */
const ANSWERS = 64
/** Actions of one person that wait for one another; the next is refused. */
const WAITING = 20
/** At once, and a second after that: more than fingers can press. */
const BURST = 30
const PER_SECOND = 5
/** People remembered; the one who came first goes. */
const PEOPLE = 5000

/** `now` in ms. */
export function createActionOrder(now: () => number): ActionOrder {
  const doers = new Map<string, Doer>()
  const doerOf = (person: string): Doer => {
    let doer = doers.get(person)
    if (!doer) {
      doer = { newest: -1, answers: new Map(), waiting: 0, tokens: BURST, filledAt: now() }
      doers.set(person, doer)
      if (doers.size > PEOPLE) doers.delete(doers.keys().next().value!)
    }
    return doer
  }
  return {
    async once(person, n, act) {
      const doer = doerOf(person)
      const known = doer.answers.get(n)
      if (known) return known
      if (n <= doer.newest)
        throw new AppError(409, 'stale', `Message ${n} came after ${doer.newest}; it was not done.`)
      const at = now()
      doer.tokens = Math.min(BURST, doer.tokens + ((at - doer.filledAt) / 1000) * PER_SECOND)
      doer.filledAt = at
      if (doer.tokens < 1 || doer.waiting >= WAITING)
        throw new AppError(429, 'too_many', 'Too much at once. Try again in a moment.')
      doer.tokens--
      doer.newest = n
      doer.waiting++
      const before = [...doer.answers.values()].at(-1) ?? Promise.resolve()
      const answer = before.catch(() => {}).then(act)
      doer.answers.set(n, answer)
      if (doer.answers.size > ANSWERS) doer.answers.delete(doer.answers.keys().next().value!)
      try {
        await answer
      } finally {
        doer.waiting--
      }
    },
  }
}
