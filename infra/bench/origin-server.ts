import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOrigin } from '@odeon/api/origin/origin.ts'
import { openFolderObjects } from '@odeon/common/adapters/embedded/objects.ts'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { chunkId, encodeChunk } from '@odeon/common/chunk.ts'
import { aacChunksKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { AAC, chunkAt } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'

/**
 * A server of `bench:origin`, in a process of its own: `odeon` is the origin on a live space of synthetic chunks, `bare` a loop that writes the
 * same bytes and nothing else. Says its port on IPC, and its CPU time (µs) when asked.
 */

const CHUNK_BYTES = 1000
const CHUNK_MS = (AAC.chunkSamples * 1000) / SAMPLE_RATE
const bytes = new Uint8Array(CHUNK_BYTES).fill(7)

async function odeon(): Promise<(request: never, response: never) => unknown> {
  const log = openMemoryLog()
  const objects = await openFolderObjects({ folder: process.argv[3]! })
  const origin = createOrigin({ log, objects, logger: createLogger('silent'), registry: new Registry() })
  const past = 12 * 18 // Enough for a whole playlist.
  const startedAt = Date.now() - past * CHUNK_MS
  let next = 0
  const feed = (): void => {
    for (; startedAt + (next + 1) * CHUNK_MS <= Date.now(); next++) {
      const position = chunkAt(AAC, next * AAC.chunkSamples)
      const body = encodeChunk({ frames: 5, last: false, startedAt, bytes })
      void log.append(aacChunksKey('benchspace'), chunkId(position), body)
      process.send?.({ chunk: next, at: performance.timeOrigin + performance.now() })
    }
  }
  feed()
  setInterval(feed, 5)
  return origin.handle as never
}

/** Plain bodies of the same sizes at /body/{bytes}; /grow gets a chunk every 107 ms. */
function bare(): (request: { url?: string }, response: ServerResponse) => void {
  const growing = new Set<ServerResponse>()
  setInterval(() => {
    for (const response of growing) response.write(bytes)
  }, CHUNK_MS)
  return (request, response) => {
    const size = Number(/^\/body\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0)
    if (size > 0) {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
      response.end(Buffer.alloc(size, 1))
      return
    }
    response.writeHead(200, { 'content-type': 'audio/mp4' })
    growing.add(response)
    response.on('close', () => growing.delete(response))
  }
}

const handler = process.argv[2] === 'odeon' ? await odeon() : bare()
const server = createServer(handler as never)
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system })
})
