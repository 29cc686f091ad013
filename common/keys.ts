import type { RenditionName } from './rendition.ts'

/**
 * The same names in Redis, SQLite, memory and the object store. `{id}` is a Redis hash tag: all of a space lives on one
 * Redis Cluster slot.
 */
export const spaceKey = (id: string): string => `space:{${id}}`
export const SPACE_PREFIX = 'space:{'
export const ownerKey = (id: string): string => `space:{${id}}:owner`
/** There while a space is live on several machines, so that those without an owner are found among few. */
export const onAirKey = (id: string): string => `on-air:{${id}}`
export const ON_AIR_PREFIX = 'on-air:{'
/** An ingest node: where it is and what it carries. */
export const nodeKey = (id: string): string => `node:{${id}}`
export const NODE_PREFIX = 'node:{'
/** Who changes the recording of a space after its end: one at a time. */
export const archivingKey = (id: string): string => `archiving:{${id}}`
/** A place for one process that works on a replica's queue. */
export const workerKey = (replica: string, place: number): string => `transcoder:{${replica}}:${place}`
export const inboxKey = (id: string): string => `space:{${id}}:inbox`
/** What only the stage and the hosts are told: hands, invitations. Written by the mixer. */
export const roomKey = (id: string): string => `space:{${id}}:room`
/** What was reported in it, for its hosts. */
export const reportsKey = (id: string): string => `reports:{${id}}`
export const logKey = (id: string): string => `space:{${id}}:log`
export const chunksKey = (id: string, rendition: RenditionName): string => `space:{${id}}:chunks:${rendition}`
export const aacChunksKey = (id: string): string => chunksKey(id, 'aac')

export const aacSegmentKey = (id: string, msn: number): string => `spaces/${id}/aac/${msn}.m4s`
export const aacSegmentPrefix = (id: string): string => `spaces/${id}/aac/`
export const aacInitKey = (id: string): string => `spaces/${id}/aac/init.mp4`
export const archiveKey = (id: string): string => `spaces/${id}/archive.json`

/**
 * Job queues. Two replicas transcode a live space, each from a queue of its own; a process works on one of them, so that both never die
 * together. On one machine alone there is only the first.
 */
export const REPLICAS = ['a', 'b'] as const
export type Replica = (typeof REPLICAS)[number]
export const liveQueue = (replica: Replica): string => `{live-${replica}}`
export const LIVE_QUEUE = liveQueue('a')
export const ARCHIVE_QUEUE = '{archive}'
/** Posts are taken out of replays. */
export const ERASE_QUEUE = '{erase}'
