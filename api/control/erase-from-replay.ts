import { AppError } from '@odeon/common/errors.ts'
import type { SpaceJob } from '@odeon/common/internal.ts'
import { ERASE_QUEUE } from '@odeon/common/keys.ts'
import type { Jobs, Ports } from '@odeon/common/ports.ts'
import { updateSpace, type Space } from '@odeon/common/space.ts'

/** Removed, and not yet taken out of the recording. */
const MAX_PENDING = 200

/** Has a post taken out of the recording of a space that is over. It is in the space's document until that is done, so that a job that is lost is ordered again. */
export async function eraseFromReplay(
  { store, jobs }: Pick<Ports, 'store' | 'jobs'>,
  { id }: Space,
  post: string,
): Promise<void> {
  const space = await updateSpace(store, id, (space) => {
    if (space.erase.includes(post)) return space
    if (space.erase.length >= MAX_PENDING)
      throw new AppError(
        429,
        'busy',
        `${MAX_PENDING} posts are still being taken out of this replay. Try again in a moment.`,
      )
    return { ...space, erase: [...space.erase, post] }
  })
  await orderErasing(jobs, space)
}

/** Does nothing while such a job waits or runs: it looks again before it ends, and the janitor does after it. */
export async function orderErasing(jobs: Jobs, { id, startedAt = 0 }: Space): Promise<void> {
  const job: SpaceJob = { id, startedAt }
  await jobs.add(ERASE_QUEUE, id, job)
}
