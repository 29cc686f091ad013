import { AppError } from '@odeon/common/errors.ts'
import { decodeLogEntry, encodeLogEntry, framesUpTo } from '@odeon/common/frame.ts'
import { logKey, ownerKey } from '@odeon/common/keys.ts'
import { FIRST, type Entry, type Lease, type Log, type Store } from '@odeon/common/ports.ts'
import { frameAt, type EpochMs } from '@odeon/common/time.ts'

export const LEASE_TTL_MS = 2000
export const LEASE_RENEWAL_MS = 500

export interface Claim {
  lease: Lease
  /** The first frame that the new owner mixes. */
  nextFrame: number
}

export interface ClaimOptions {
  log: Log
  store: Store
  id: string
  owner: string
  startedAt: EpochMs
  now: EpochMs
}

/**
 * Makes this node the owner of a space's mixer: takes the lease, fences off every earlier owner by writing `<epoch>-0` into the log,
 * and goes on at max(last frame + 1, clock). Throws `owned_elsewhere` (409) or `already_ended` (409).
 */
export async function claimSpace({ log, store, id, owner, startedAt, now }: ClaimOptions): Promise<Claim> {
  const lease = await store.acquire(ownerKey(id), owner, LEASE_TTL_MS)
  if (!lease) throw new AppError(409, 'owned_elsewhere', `Another node mixes space ${id}.`)
  try {
    const newest = await log.newest(logKey(id))
    let frames = newest ? framesOf(newest, id) : 0
    const claim = encodeLogEntry({ kind: 'claim', owner, frames })
    const written = await log.append(logKey(id), { major: lease.epoch, minor: 0 }, claim)
    if (written === 'refused')
      throw new AppError(409, 'owned_elsewhere', `A newer owner already writes the log of space ${id}.`)
    // Whatever the older owner wrote between our look and the fence counts too.
    for (let last = newest?.id ?? FIRST; ;) {
      const older = (await log.read(logKey(id), last)).filter((entry) => entry.id.major < lease.epoch)
      if (older.length === 0) break
      last = older.at(-1)!.id
      frames = framesOf(older.at(-1)!, id)
    }
    return { lease, nextFrame: Math.max(frames, frameAt(startedAt, now)) }
  } catch (error) {
    await store.release(lease)
    throw error
  }
}

function framesOf(entry: Entry, id: string): number {
  if (decodeLogEntry(entry.body).kind === 'end')
    throw new AppError(409, 'already_ended', `Space ${id} has ended.`)
  return framesUpTo(entry)
}
