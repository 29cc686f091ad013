import { mkdtemp, rm } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { openFolderObjects } from '@odeon/common/adapters/embedded/objects.ts'
import { chunkId, encodeChunk, type Chunk } from '@odeon/common/chunk.ts'
import { chunksKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import type { Log, Objects } from '@odeon/common/ports.ts'
import { AAC, nextChunk, type Rendition } from '@odeon/common/rendition.ts'
import type { ChunkPosition } from '@odeon/common/time.ts'
import { createOrigin, type Origin, type OriginOptions } from './origin.ts'
import { addChunk, createWindow, type Window } from './window.ts'

/** What the origin's tests share: chunks with telling bytes, and an origin behind a real server on the real embedded adapters. */

export const STARTED_AT = Date.UTC(2026, 10, 3, 10, 0, 0, 40)
export const SPACE = 'testspace1'

/** `<0.17>` and a filler whose length differs from chunk to chunk. */
export const bytesOf = ({ msn, chunk }: ChunkPosition): Buffer =>
  Buffer.from(`<${msn}.${chunk}>`.padEnd(40 + ((msn * 7 + chunk) % 23), '.'))

export const chunkOf = (position: ChunkPosition, changes: Partial<Chunk> = {}): Chunk => ({
  frames: 5,
  last: false,
  startedAt: STARTED_AT,
  bytes: bytesOf(position),
  ...changes,
})

/** The positions from the start of segment `msn` on. */
export function positions(count: number, msn = 0, rendition = AAC): ChunkPosition[] {
  const all: ChunkPosition[] = []
  for (let at = { msn, chunk: 0 }; all.length < count; at = nextChunk(rendition, at)) all.push(at)
  return all
}

/** A window that was told whole segments, then single chunks. */
export function windowOf({ first = 0, segments = 0, chunks = 0, rendition = AAC }): Window {
  const window = createWindow(rendition)
  const { chunksPerSegment, framesPerChunk: frames } = rendition
  for (const position of positions(segments * chunksPerSegment + chunks, first, rendition))
    addChunk(window, position, chunkOf(position, { frames }))
  return window
}

/** Ends a window with a last chunk of so many frames. */
export function endWindow(window: Window, frames: number): Window {
  const position = window.next!
  addChunk(
    window,
    position,
    chunkOf(position, { frames, last: true, ...(frames === 0 ? { bytes: new Uint8Array(0) } : {}) }),
  )
  return window
}

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** False when the connection broke before the end. */
  whole: boolean
}

export const textOf = ({ body }: Reply): string => body.toString()
export const errorOf = (reply: Reply): string =>
  (JSON.parse(textOf(reply)) as { error: { code: string } }).error.code

export interface Studio {
  log: Log
  objects: Objects
  origin: Origin
  port: number
  next: ChunkPosition
  /** Writes the next chunks into the log; an origin that follows has them when it returns. */
  say(chunks: number, size?: number): Promise<void>
  /** Writes the next chunk, of these bytes. */
  sayBytes(bytes: Uint8Array): Promise<void>
  /** Writes the last chunk. */
  finish(frames: number): Promise<void>
  get(path: string, options?: { method?: string; headers?: Record<string, string> }): Promise<Reply>
  /** A reply whose head has come and whose body is still coming. */
  open(path: string): Promise<Reading>
  /** Returns once so many requests wait, or read what grows. */
  waiting(count: number): Promise<void>
  /** Returns once the origin follows no space any more. */
  released(): Promise<void>
  metric(name: string, labels?: Record<string, string>): Promise<number>
  close(): Promise<void>
}

export interface Reading {
  status: number
  headers: IncomingHttpHeaders
  response: IncomingMessage
  /** Returns what has come, once it holds `text`. */
  until(text: string): Promise<string>
  end: Promise<Reply>
}

export async function openStudio(
  options: Partial<OriginOptions> & {
    wrapLog?: (log: Log) => Log
    wrapObjects?: (objects: Objects) => Objects
    rendition?: Rendition
  } = {},
): Promise<Studio> {
  const { rendition = AAC } = options
  const { name, framesPerChunk } = rendition
  const announced = () => metric('odeon_sample_to_announced_seconds_count', { rendition: name })
  const folder = await mkdtemp(join(tmpdir(), 'odeon-origin-'))
  const memory = openMemoryLog()
  const log = options.wrapLog?.(memory) ?? memory
  const stored = await openFolderObjects({ folder })
  const objects = options.wrapObjects?.(stored) ?? stored
  const registry = new Registry()
  const origin = createOrigin({ log, objects, logger: createLogger('silent'), registry, ...options })
  const server = createServer((request, response) => {
    if (origin.handle(request, response)) return
    response.writeHead(418)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const metric = async (name: string, labels: Record<string, string> = {}): Promise<number> => {
    for (const { values } of await registry.getMetricsAsJSON())
      for (const value of values as { value: number; metricName?: string; labels: Record<string, string> }[])
        if ((value.metricName ?? '') === name && matches(value.labels, labels)) return value.value
    const metric = await registry.getSingleMetric(name)?.get()
    return (metric?.values ?? [])
      .filter((value) => matches(value.labels as Record<string, string>, labels))
      .reduce((sum, { value }) => sum + value, 0)
  }

  const write = async (position: ChunkPosition, chunk: Chunk): Promise<void> => {
    const followed = (await metric('odeon_origin_spaces')) > 0
    const before = await announced()
    await memory.append(chunksKey(SPACE, name), chunkId(position), encodeChunk(chunk))
    while (followed && (await announced()) === before) await turn()
    studio.next = nextChunk(rendition, position)
  }

  const studio: Studio = {
    log,
    objects,
    origin,
    port,
    next: { msn: 0, chunk: 0 },
    async say(chunks, size = 0) {
      for (let i = 0; i < chunks; i++) {
        const bytes = Buffer.concat([bytesOf(studio.next), Buffer.alloc(size)])
        await write(studio.next, chunkOf(studio.next, { bytes, frames: framesPerChunk }))
      }
    },
    sayBytes: (bytes) => write(studio.next, chunkOf(studio.next, { bytes, frames: framesPerChunk })),
    finish: (frames) =>
      write(
        studio.next,
        chunkOf(studio.next, {
          frames,
          last: true,
          ...(frames === 0 ? { bytes: new Uint8Array(0) } : {}),
        }),
      ),
    async get(path, more) {
      return (await ask(port, path, more)).end
    },
    open: (path) => ask(port, path),
    async waiting(count) {
      while ((await metric('odeon_origin_waiting')) !== count) await turn()
    },
    async released() {
      while ((await metric('odeon_origin_spaces')) > 0) await turn()
    },
    metric,
    async close() {
      await origin.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await log.close()
      await objects.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return studio
}

const matches = (labels: Record<string, unknown>, wanted: Record<string, string>): boolean =>
  Object.entries(wanted).every(([name, value]) => String(labels[name]) === value)

function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (response) => {
        const pieces: Buffer[] = []
        let broken = false
        let wake = (): void => {}
        response.on('data', (piece: Buffer) => {
          pieces.push(piece)
          wake()
        })
        response.on('error', () => (broken = true))
        const end = new Promise<Reply>((done) => {
          response.on('close', () => {
            done({
              status: response.statusCode!,
              headers: response.headers,
              body: Buffer.concat(pieces),
              whole: response.complete && !broken,
            })
          })
        })
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          response,
          end,
          async until(text) {
            for (;;) {
              const come = Buffer.concat(pieces).toString()
              if (come.includes(text)) return come
              await new Promise<void>((more) => (wake = more))
            }
          },
        })
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}
