import type { Archive } from '../api/client.ts'

/** Who spoke when in a recording. */

export interface Turn {
  id: string
  /** Seconds from the start of the recording. */
  start: number
  end: number
}

export interface Talker {
  id: string
  name: string
  /** Seconds in all. */
  spoke: number
}

const FRAME_SECONDS = 0.02
/** A breath is no end of a turn. */
const BREATH = 1.2

/** The turns in order of their start. */
export function turnsOf({ events, durationMs }: Pick<Archive, 'events' | 'durationMs'>): Turn[] {
  const turns: Turn[] = []
  const open = new Map<string, Turn>()
  const last = new Map<string, Turn>()
  const close = (id: string, turn: Turn, end: number): void => {
    turn.end = Math.max(turn.start, end)
    open.delete(id)
    last.set(id, turn)
  }
  for (const event of events) {
    if (event.type !== 'stage' && event.type !== 'talking') continue
    const at = event.frame * FRAME_SECONDS
    const ids = event.type === 'stage' ? event.talking : event.ids
    for (const [id, turn] of open) if (!ids.includes(id)) close(id, turn, at)
    for (const id of ids) {
      if (open.has(id)) continue
      const before = last.get(id)
      if (before && at - before.end < BREATH) open.set(id, before)
      else {
        const turn = { id, start: at, end: at }
        turns.push(turn)
        open.set(id, turn)
      }
    }
  }
  for (const [id, turn] of open) close(id, turn, durationMs / 1000)
  return turns
}

/** Everyone who said something, in order of the first word, by his latest name. */
export function talkersOf(archive: Pick<Archive, 'events' | 'durationMs'>, turns: readonly Turn[]): Talker[] {
  const names = new Map<string, string>()
  for (const event of archive.events)
    if (event.type === 'stage') for (const { id, name } of event.members) names.set(id, name)
  const talkers = new Map<string, Talker>()
  for (const { id, start, end } of turns) {
    const talker = talkers.get(id) ?? { id, name: names.get(id) ?? '?', spoke: 0 }
    talker.spoke += end - start
    talkers.set(id, talker)
  }
  return [...talkers.values()]
}

/** Where somebody else begins to speak after `position`; undefined after the last. */
export function nextSpeaker(turns: readonly Turn[], position: number): Turn | undefined {
  const now = turns.findLast(({ start, end }) => start <= position && position < end)
  return turns.find(({ id, start }) => start > position + 0.25 && id !== now?.id)
}

/** How much was said in each of `bars` stretches of the recording (0 to 1), and by whom most. */
export function talkBars(
  turns: readonly Turn[],
  seconds: number,
  bars: number,
): { share: number; id: string | undefined }[] {
  const length = seconds / bars
  return Array.from({ length: bars }, (_, n) => {
    const [from, to] = [n * length, (n + 1) * length]
    let most = { share: 0, id: undefined as string | undefined }
    let share = 0
    for (const { id, start, end } of turns) {
      const own = Math.max(0, Math.min(end, to) - Math.max(start, from)) / length
      share += own
      if (own > most.share) most = { share: own, id }
    }
    return { share: Math.min(1, share), id: most.id }
  })
}
