import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOrigin } from '@odeon/api/origin/origin.ts'
import { openFolderObjects } from '@odeon/common/adapters/embedded/objects.ts'
import { openRedis } from '@odeon/common/adapters/redis/connection.ts'
import { openRedisLog } from '@odeon/common/adapters/redis/log.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { RENDITIONS, type Rendition, type RenditionName } from '@odeon/common/rendition.ts'
import { chunkMs, stampedChunk } from './audience-stamp.ts'
import { serveParent } from './server-process.ts'

/**
 * A server of `bench:audience`: `odeon <folder> <redis url>` is the origin on a space whose chunks come out of Redis; `bare <bytes of a playlist> <rendition>`
 * knows no spaces, only a timer: it writes chunks of the same size into everything that grows, and answers everything that waits, with the same URLs.
 */

type Handler = (request: { url?: string }, response: ServerResponse) => void

async function odeon(folder: string, url: string): Promise<Handler> {
  const logger = createLogger('silent')
  const redis = await openRedis({ url, logger })
  const objects = await openFolderObjects({ folder })
  const origin = createOrigin({ log: openRedisLog({ redis }), objects, logger, registry: new Registry() })
  return origin.handle as unknown as Handler
}

function bare(playlistBytes: number, rendition: Rendition): Handler {
  const { chunksPerSegment, chunksPerPart } = rendition
  const [growing, waiting] = [new Set<ServerResponse>(), new Set<ServerResponse>()]
  const early: ServerResponse[] = []
  const playlist = Buffer.alloc(playlistBytes, 1)
  const playlists = new WeakSet<ServerResponse>()
  let chunk = 0
  let part: Buffer[] = []
  setInterval(() => {
    const bytes = stampedChunk(rendition)
    const last = ++chunk % chunksPerSegment === 0
    for (const response of growing) {
      if (last) response.end(bytes)
      else response.write(bytes)
    }
    if (last) {
      growing.clear()
      for (const response of early.splice(0)) growing.add(response)
    }
    part.push(bytes)
    if (part.length < chunksPerPart) return
    const body = Buffer.concat(part)
    part = []
    for (const response of waiting) {
      const answer = playlists.has(response) ? playlist : body
      response.writeHead(200, { 'content-length': answer.length })
      response.end(answer)
    }
    waiting.clear()
  }, chunkMs(rendition))
  return ({ url = '' }, response) => {
    const segment = /\/(\d+)\.m4s$/.exec(url)?.[1]
    if (url === '/edge') return void response.end(String(Math.floor(chunk / chunksPerSegment)))
    if (segment === undefined) {
      if (url.includes('index.m3u8')) playlists.add(response)
      waiting.add(response)
      response.on('close', () => waiting.delete(response))
      return
    }
    response.writeHead(200, { 'content-type': 'audio/mp4' })
    response.flushHeaders()
    if (Number(segment) > Math.floor(chunk / chunksPerSegment)) early.push(response)
    else growing.add(response)
    response.on('close', () => growing.delete(response))
  }
}

const [, , kind, first, second] = process.argv
const handler =
  kind === 'odeon' ? await odeon(first!, second!) : bare(Number(first), RENDITIONS[second as RenditionName])
const server = createServer(handler as never)
server.listen({ port: 0, host: '127.0.0.1', backlog: 20_000 }, () =>
  serveParent((server.address() as AddressInfo).port),
)
