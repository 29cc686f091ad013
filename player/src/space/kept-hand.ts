/** In which space a hand of this tab is up: a reload of the page must not put it down. Another tab has a hand of its own. */
const KEY = 'odeon.hand'

export function keepHand(spaceId: string, up: boolean): void {
  try {
    if (up) sessionStorage.setItem(KEY, spaceId)
    else if (sessionStorage.getItem(KEY) === spaceId) sessionStorage.removeItem(KEY)
  } catch {
    // Storage is forbidden: after a reload he raises it again.
  }
}

export function hadHand(spaceId: string): boolean {
  try {
    return sessionStorage.getItem(KEY) === spaceId
  } catch {
    return false
  }
}
