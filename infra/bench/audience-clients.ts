import { connect } from 'node:net'
import { RENDITIONS, type RenditionName } from '@odeon/common/rendition.ts'
import { ages } from './audience-stamp.ts'
import { percentile } from './figures.ts'
import { serveParent } from './server-process.ts'

/**
 * The listeners of `bench:audience`, in a process of their own: plain sockets that read HTTP no further than they must, since the reader shares the machine
 * with the server. Told `{listen, way, rendition, url, base, msn, part}` it has so many; told `report` it says what it saw since.
 */

interface Order {
  /** How many listeners there are to be. */
  listen: number
  way: 'growing' | 'll-hls'
  rendition: RenditionName
  url: string
  base: string
  msn: number
  part: number
}

/** Enough for exact percentiles of every run here; what is beyond is counted. */
const MOST_DELAYS = 4_000_000
const END = Buffer.from('0\r\n\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

let delays: number[] = []
let failed = 0
const note = (ms: number): void => {
  if (delays.length < MOST_DELAYS) delays.push(ms)
}
let listeners: { close(): void }[] = []

/** A kept connection; `onBytes` sees what came in place: it is overwritten after. */
const shared = Buffer.allocUnsafe(1 << 16)
function open(url: string, onBytes: (bytes: Buffer) => void) {
  const { hostname, port } = new URL(url)
  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: shared,
      callback: (length) => {
        onBytes(shared.subarray(0, length))
        return true
      },
    },
  })
  socket.on('error', () => failed++)
  return {
    get: (path: string) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`),
    close: () => void socket.destroy(),
  }
}

/** As our player: the segment that grows, and the next one asked for on another connection as soon as it has begun. */
function growing({ url, base, msn: edge, part }: Order): { close(): void } {
  // One that has not begun: the whole crowd is there before it ends.
  let msn = part === 0 ? edge : edge + 1
  let begun = false
  const sockets = [0, 1].map((n) =>
    open(url, (bytes) => {
      let stamps = 0
      ages(bytes, (ms) => {
        stamps++
        if (begun || n === msn % 2) note(ms)
      })
      if (stamps > 0 && n === msn % 2 && !begun) {
        begun = true
        sockets[(n + 1) % 2]!.get(`${base}/${msn + 1}.m4s`)
      }
      if (n === msn % 2 && bytes.length >= 5 && bytes.subarray(-5).equals(END)) {
        msn++
        begun = false
      }
    }),
  )
  sockets[msn % 2]!.get(`${base}/${msn}.m4s`)
  return { close: () => sockets.forEach((socket) => socket.close()) }
}

/** Reads answers with a length, one after the other; calls back at the end of each. */
function answers(onEnd: (status: string) => void): (bytes: Buffer) => void {
  let left = 0
  let status = ''
  let held: Buffer = Buffer.alloc(0)
  /** Of the newest chunk: the others of a part were older before it was. */
  let age: number | undefined
  return (bytes) => {
    ages(bytes, (ms) => (age = ms))
    let rest = held.length > 0 ? Buffer.concat([held, bytes]) : bytes
    held = Buffer.alloc(0)
    while (rest.length > 0) {
      if (left === 0) {
        const end = rest.indexOf(HEAD_END)
        if (end < 0) {
          held = Buffer.from(rest)
          return
        }
        const head = rest.toString('latin1', 0, end)
        status = head.slice(9, 12)
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        rest = rest.subarray(end + 4)
      }
      const taken = Math.min(left, rest.length)
      left -= taken
      rest = rest.subarray(taken)
      if (left > 0) continue
      if (age !== undefined) note(age)
      age = undefined
      onEnd(status)
    }
  }
}

/** As hls.js: the playlist of the next part and that part, both asked for before they are there. */
function lowLatency({ url, base, rendition, msn, part }: Order): { close(): void } {
  const { partsPerSegment } = RENDITIONS[rendition]
  const next = (): void => {
    if (++part >= partsPerSegment) [msn, part] = [msn + 1, 0]
  }
  let done = 0
  const ask = (): void => {
    done = 0
    playlist.get(`${base}/index.m3u8?_HLS_msn=${msn}&_HLS_part=${part}&_HLS_skip=YES`)
    parts.get(`${base}/${msn}.${part}.m4s`)
  }
  const ended = (status: string): void => {
    if (status !== '200') failed++
    if (++done < 2) return
    next()
    ask()
  }
  const playlist = open(url, answers(ended))
  const parts = open(url, answers(ended))
  ask()
  return {
    close() {
      playlist.close()
      parts.close()
    },
  }
}

process.on('message', (message: Order | 'report' | 'reset' | 'cpu') => {
  if (message === 'cpu') return
  if (message === 'reset') {
    delays = []
    failed = 0
    process.send?.({ reset: true })
  } else if (message === 'report') {
    // Sorted once; a spread of millions would not fit on the stack.
    const report = {
      count: delays.length,
      failed,
      p50: percentile(delays, 0.5),
      p99: percentile(delays, 0.99),
    }
    process.send?.({ report })
  } else {
    for (const listener of listeners.splice(message.listen)) listener.close()
    const begin = message.way === 'growing' ? growing : lowLatency
    const add = (): void => {
      // Not all at once: that would measure the accepting of connections.
      for (let n = 0; n < 50 && listeners.length < message.listen; n++) listeners.push(begin(message))
      if (listeners.length < message.listen) setTimeout(add, 10)
      else process.send?.({ listening: listeners.length })
    }
    if (message.listen === 0) listeners = []
    add()
  }
})
serveParent(1)
