import type { Role } from '@odeon/common/events.ts'

/** Where people sit on a stage that is an arc of at most seven, with smaller rows behind it. */

export const SEATS_IN_A_ROW = 7

/** The front row first. Rows behind are filled from the front, and no row is much emptier than the one before it. */
export function rowsOf<T>(people: readonly T[], longest = SEATS_IN_A_ROW): T[][] {
  if (people.length === 0) return []
  const rows = Math.ceil(people.length / longest)
  const size = Math.ceil(people.length / rows)
  return Array.from({ length: rows }, (_, row) => people.slice(row * size, (row + 1) * size))
}

/** How far forward a seat stands: 0 in the middle of a full row, 1 at its ends, less far out in shorter rows. */
export function curve(index: number, length: number, longest = SEATS_IN_A_ROW): number {
  const fromMiddle = index - (length - 1) / 2
  return (fromMiddle / ((longest - 1) / 2)) ** 2
}

/** The host first, then co-hosts; otherwise as they came. */
export const inOrder = <T extends { role: Role }>(people: readonly T[]): T[] => [
  ...people.filter(({ role }) => role === 'host'),
  ...people.filter(({ role }) => role === 'cohost'),
  ...people.filter(({ role }) => role === 'speaker'),
]
