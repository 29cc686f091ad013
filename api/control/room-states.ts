import { roomKey } from '@odeon/common/keys.ts'
import type { Log } from '@odeon/common/ports.ts'
import { RoomState } from '@odeon/common/room.ts'

/** What the mixer last said of the room: hands, who is there. Undefined before its first word, or for one that is not understood. */
export async function newestRoomState(log: Log, space: string): Promise<RoomState | undefined> {
  const newest = await log.newest(roomKey(space))
  return newest && parseRoomState(newest.body)
}

export function parseRoomState(body: Uint8Array): RoomState | undefined {
  try {
    return RoomState.safeParse(JSON.parse(new TextDecoder().decode(body))).data
  } catch {
    return undefined
  }
}

/** The same, at most `KEPT_MS` old: for what comes a thousand times a second. */
export type RoomStates = (space: string) => Promise<RoomState | undefined>

const KEPT_MS = 100
/** Spaces remembered; past that, all are forgotten and read again. */
const KEPT_SPACES = 1000

export function keepRoomStates(log: Log, now: () => number): RoomStates {
  const kept = new Map<string, { at: number; state: Promise<RoomState | undefined> }>()
  return (space) => {
    const known = kept.get(space)
    if (known && now() - known.at < KEPT_MS) return known.state
    if (kept.size >= KEPT_SPACES) kept.clear()
    const state = newestRoomState(log, space)
    kept.set(space, { at: now(), state })
    state.catch(() => kept.delete(space))
    return state
  }
}
