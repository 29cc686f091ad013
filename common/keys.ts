/**
 * The same names in Redis, SQLite, memory and the object store. `{id}` is a Redis hash tag: all of a space lives on one
 * Redis Cluster slot.
 */
export const spaceKey = (id: string): string => `space:{${id}}`
export const SPACE_PREFIX = 'space:{'
export const ownerKey = (id: string): string => `space:{${id}}:owner`
export const inboxKey = (id: string): string => `space:{${id}}:inbox`
export const logKey = (id: string): string => `space:{${id}}:log`
export const aacChunksKey = (id: string): string => `space:{${id}}:chunks:aac`
export const inviteKey = (code: string): string => `invite:{${code}}`

export const aacSegmentKey = (id: string, msn: number): string => `spaces/${id}/aac/${msn}.m4s`
export const aacSegmentPrefix = (id: string): string => `spaces/${id}/aac/`
export const aacInitKey = (id: string): string => `spaces/${id}/aac/init.mp4`
export const archiveKey = (id: string): string => `spaces/${id}/archive.json`

/** Job queues. A replica of the live transcoder works on its own queue, so that two never share a process. */
export const LIVE_QUEUE = '{live-a}'
export const ARCHIVE_QUEUE = '{archive}'
