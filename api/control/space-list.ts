import type { Store } from '@odeon/common/ports.ts'
import { listSpaces, type Space } from '@odeon/common/space.ts'

/**
 * The spaces, newest first, as the front page lists them. Kept for a second, because reading them all is too much work to be done
 * anew for every visitor.
 */
export interface SpaceList {
  /** At most 100. */
  read(state: Space['state'] | undefined): Promise<Space[]>
  /** How many live spaces somebody hosts. */
  liveOf(host: string): Promise<number>
  /** Live spaces in which somebody may speak. */
  liveWith(user: string): Promise<string[]>
  /** This process changed a space: the next reader sees it. */
  forget(): void
}

const KEPT_MS = 1000
const LISTED = 100

export function createSpaceList(store: Store, now: () => number): SpaceList {
  let kept: { at: number; spaces: Promise<Space[]> } | undefined
  const all = (): Promise<Space[]> => {
    if (kept && now() - kept.at < KEPT_MS) return kept.spaces
    const fresh = { at: now(), spaces: listSpaces(store).then((spaces) => spaces.sort(newestFirst)) }
    kept = fresh
    fresh.spaces.catch(() => {
      if (kept === fresh) kept = undefined
    })
    return fresh.spaces
  }
  return {
    async read(state) {
      const spaces = await all()
      return spaces.filter((space) => state === undefined || space.state === state).slice(0, LISTED)
    },
    async liveOf(host) {
      return (await all()).filter((space) => space.state === 'live' && space.host.id === host).length
    },
    async liveWith(user) {
      return (await all())
        .filter(({ state, speakers }) => state === 'live' && Object.hasOwn(speakers, user))
        .map(({ id }) => id)
    },
    forget: () => (kept = undefined),
  }
}

const newestFirst = (a: Space, b: Space): number =>
  (b.startedAt ?? b.createdAt) - (a.startedAt ?? a.createdAt)
