import { setTimeout as delay } from 'node:timers/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP relay that behaves like a network: distance, jitter, and stops. */

export interface RelayOptions {
  target: { host: string; port: number }
  /** One way, ms: half of the round trip. */
  delayMs: number
  /** Up to so much more for each write, ms. Order is kept, as TCP keeps it. */
  jitterMs: number
  /** Nothing passes for `stopMs`, once in `everyMs`. */
  stopMs: number
  everyMs: number
}

export interface Relay {
  port: number
  close(): Promise<void>
}

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const startedAt = performance.now()
  /** When something that comes now has passed the stop, if there is one. */
  const afterStop = (at: number): number => {
    const phase = (at - startedAt) % options.everyMs
    return phase < options.stopMs ? at + options.stopMs - phase : at
  }
  const pass = (from: Socket, to: Socket): void => {
    let last = 0
    let before = Promise.resolve()
    const later = (action: () => void): void => {
      const wanted = performance.now() + options.delayMs + Math.random() * options.jitterMs
      const at = (last = Math.max(last, afterStop(wanted)))
      // One after the other: timers for the same millisecond need not fire in the order in which they were set.
      before = before.then(() => delay(Math.max(0, at - performance.now()))).then(action)
    }
    from.on('data', (data) => later(() => to.write(data)))
    from.on('end', () => later(() => to.end()))
    from.on('close', () => later(() => to.destroy()))
    from.on('error', () => to.destroy())
  }
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(options.target)
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    }
    pass(client, upstream)
    pass(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
