/** The audience seen from above: seats in arcs around the stage, which is beyond the middle of the upper edge. */

export interface AudienceSeat {
  x: number
  y: number
}

export interface House {
  /** In the order in which they are taken: at random, but rather in front. */
  seats: AudienceSeat[]
  /** Radius of a dot, px. */
  radius: number
}

/** Distances between seats, px, from an intimate house to a stadium. */
const GAPS = [30, 24, 19, 15, 12, 9.5, 7.5]
/** How much of the house may be taken before the seats move together. */
const COMFORT = 0.72

/** The house in which `count` people sit comfortably; the largest one where none does. */
export function houseFor(count: number, width: number, height: number): House {
  for (const gap of GAPS) {
    const seats = seatsAt(gap, width, height)
    if (seats.length * COMFORT >= count || gap === GAPS.at(-1)) return { seats, radius: gap * 0.165 }
  }
  return { seats: [], radius: 0 }
}

function seatsAt(gap: number, width: number, height: number): AudienceSeat[] {
  const centre = { x: width / 2, y: -width * 0.32 - 60 }
  const nearest = gap / 2 - centre.y
  const farthest = Math.hypot(width / 2, height - centre.y)
  const seats: (AudienceSeat & { rank: number })[] = []
  for (let row = 0; nearest + row * gap <= farthest; row++) {
    const radius = nearest + row * gap
    const step = (gap * 1.06) / radius
    const perSide = Math.ceil(Math.PI / 2 / step)
    for (let n = -perSide; n <= perSide; n++) {
      const angle = (n + (row % 2) / 2) * step
      const x = centre.x + radius * Math.sin(angle)
      const y = centre.y + radius * Math.cos(angle)
      if (x < gap / 2 || x > width - gap / 2 || y < gap / 4 || y > height - gap / 4) continue
      seats.push({ x, y, rank: noise(row, n) + (0.9 * (radius - nearest)) / (farthest - nearest) })
    }
  }
  return seats.sort((a, b) => a.rank - b.rank)
}

/** A number between 0 and 1 that is always the same for a seat. */
function noise(row: number, n: number): number {
  let hash = Math.imul(row + 0x9e37, 0x85ebca6b) ^ Math.imul(n + 0x5bd1, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

/** What a press of somebody's seat opens. */
export type SeatPress = 'face' | 'manage' | 'report'
