import * as z from 'zod/mini'
import { messageOf } from '@odeon/common/errors.ts'
import { roomKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'
import { Person } from '@odeon/common/room.ts'
import type { EpochMs } from '@odeon/common/time.ts'
import type { Complaints } from './complaints.ts'

/** A few of those who listen, as the mixer last told in the room's log. */
export type Names = (space: string) => Promise<readonly Person[]>

export interface NamesOptions {
  log: Log
  complaints: Complaints
  now: () => EpochMs
  /** The number is not kept waiting for longer, ms; 300 unless told. */
  patienceMs?: number
}

const KEPT_MS = 2000
/** Spaces remembered; past that, all are forgotten and read again. */
const KEPT_SPACES = 1000
const Room = z.object({ sample: z.array(Person) })

/** Read once in two seconds for a space, however many ask. None where the log does not tell, or not in time. */
export function createNames({ log, complaints, now, patienceMs = 300 }: NamesOptions): Names {
  const kept = new Map<string, { at: EpochMs; names: Promise<readonly Person[]> }>()
  const read = async (space: string): Promise<readonly Person[]> => {
    try {
      const newest = await log.newest(roomKey(space))
      return newest ? Room.parse(JSON.parse(new TextDecoder().decode(newest.body))).sample : []
    } catch (error) {
      complaints.warn({ space, reason: messageOf(error) }, 'The names of an audience cannot be read.')
      return []
    }
  }
  return (space) => {
    const known = kept.get(space)
    if (known && now() - known.at < KEPT_MS) return known.names
    if (kept.size >= KEPT_SPACES) kept.clear()
    const names = inTime(read(space), patienceMs)
    kept.set(space, { at: now(), names })
    return names
  }
}

function inTime(names: Promise<readonly Person[]>, ms: number): Promise<readonly Person[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve([]), ms)
    void names.then(resolve).finally(() => clearTimeout(timer))
  })
}
