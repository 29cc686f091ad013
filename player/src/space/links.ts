/** A piece of a text; with `href`, a link. */
export interface TextPiece {
  text: string
  href?: string
}

/** What ends a sentence, or closes what was opened before the address. */
const TAIL = /[.,;:!?'"»”’)\]}]+$/

/** The text in pieces: addresses of the web are links, everything else is text. Joined, the pieces are the text. */
export function linked(text: string): TextPiece[] {
  const pieces: TextPiece[] = []
  let from = 0
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>]+/gi)) {
    const address = trimmed(match[0])
    const href = hrefOf(address)
    if (!href) continue
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) })
    pieces.push({ text: address, href })
    from = match.index + address.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from) })
  return pieces
}

/** A bracket that the address opens itself belongs to it. */
function trimmed(address: string): string {
  const tail = TAIL.exec(address)?.[0] ?? ''
  const keeps = tail.startsWith(')') && address.slice(0, -tail.length).includes('(') ? 1 : 0
  return address.slice(0, address.length - tail.length + keeps)
}

function hrefOf(address: string): string | undefined {
  try {
    const url = new URL(address)
    // Whoever reads `https://bank.example@evil.example` sees a bank.
    return url.username || url.password ? undefined : url.href
  } catch {
    return undefined
  }
}
