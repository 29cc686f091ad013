import { connect, type Socket } from 'node:net'
import { createTokens } from '@odeon/api/control/tokens.ts'
import { newUserId } from '@odeon/common/ids.ts'
import { serveParent } from './server-process.ts'

/**
 * A crowd that presses emoji and raises hands, in a process of its own: kept connections, plain HTTP, at a steady rate whatever the server answers.
 * Told `{crowd: CrowdOrder}` it begins, told `report` it says what came of it since, told `{crowd: null}` it stops. Argument: the server's secret.
 */
export interface CrowdOrder {
  url: string
  space: string
  /** Requests a second, each with `count` of one emoji. */
  reactions: number
  count: number
  emoji: string
  /** Requests a second: half of them up, half of them down again. */
  hands: number
  people: number
}

/** What was answered, by status; `unsent` found the server too far behind. */
export interface CrowdReport {
  statuses: Record<string, number>
  unsent: number
}

const CONNECTIONS = 48
/** Requests on their way on one connection. */
const PIPELINED = 8
const TICK_MS = 10
const HEAD_END = Buffer.from('\r\n\r\n')

const [secret] = process.argv.slice(2) as [string]
const tokens = createTokens(secret, Date.now)
let report: CrowdReport = { statuses: {}, unsent: 0 }

class Connection {
  #open = 0
  #held: Buffer = Buffer.alloc(0)
  readonly #socket: Socket

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes))
    this.#socket.on('error', () => (report.unsent += this.#open))
  }

  /** False when too many answers are awaited. */
  send(request: string): boolean {
    if (this.#open >= PIPELINED) return false
    this.#open++
    this.#socket.write(request)
    return true
  }

  #read(bytes: Buffer): void {
    let rest: Buffer = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes
    for (;;) {
      const end = rest.indexOf(HEAD_END)
      if (end < 0) break
      const head = rest.toString('latin1', 0, end)
      const whole = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (rest.length < whole) break
      const status = head.slice(9, 12)
      report.statuses[status] = (report.statuses[status] ?? 0) + 1
      this.#open--
      rest = rest.subarray(whole)
    }
    this.#held = Buffer.from(rest)
  }

  close(): void {
    this.#socket.destroy()
  }
}

interface Crowd {
  close(): void
}

async function gather({ url, space, reactions, count, emoji, hands, people }: CrowdOrder): Promise<Crowd> {
  const path = `/api/spaces/${space}`
  const body = JSON.stringify({ emoji, count })
  const request = (method: string, at: string, token: string, json = ''): string =>
    `${method} ${path}${at} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\n` +
    (json
      ? `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
      : '\r\n')
  // Made beforehand: what the crowd costs is not to be measured.
  const pressing: string[] = []
  const raising: string[] = []
  for (let n = 0; n < people; n++) {
    const user = { id: newUserId(), name: `Guest ${n}` }
    const token = await tokens.sign(user)
    pressing.push(request('POST', '/reactions', token, body))
    raising.push(request('POST', '/hands', token), request('DELETE', `/hands/${user.id}`, token))
  }
  const connections = Array.from({ length: CONNECTIONS }, () => new Connection(url))
  let next = 0
  const send = (text: string, by = next++): void => {
    if (!connections[by % CONNECTIONS]!.send(text)) report.unsent++
  }
  const began = performance.now()
  let pressed = 0
  let raised = 0
  const timer = setInterval(() => {
    const seconds = (performance.now() - began) / 1000
    for (; pressed < seconds * reactions; pressed++) send(pressing[pressed % people]!)
    for (; raised < seconds * hands; raised++) {
      // Down again a moment after it went up, by the same connection, so that none stays up.
      const isUp = raised % 2 === 0
      const person = ((raised >> 1) + (isUp ? 0 : people - 30)) % people
      send(raising[2 * person + (isUp ? 0 : 1)]!, person)
    }
  }, TICK_MS)
  return {
    close() {
      clearInterval(timer)
      for (const connection of connections) connection.close()
    },
  }
}

let crowd: Crowd | undefined
process.on('message', (message: { crowd: CrowdOrder | null } | 'report' | 'cpu') => {
  if (message === 'cpu') return
  if (message === 'report') {
    process.send?.({ report })
    report = { statuses: {}, unsent: 0 }
  } else {
    crowd?.close()
    crowd = undefined
    void (async () => {
      if (message.crowd) crowd = await gather(message.crowd)
      process.send?.({ gathered: message.crowd !== null })
    })()
  }
})
serveParent(1)
