/**
 * The four things Odeon needs from the machines below it. Each has two adapters (`adapters/embedded`, and Redis or S3
 * when scaled out) and one contract test that both pass.
 */

/** Orders entries of a log: by `major`, then `minor`. The minor half starts at 1 for data (Redis refuses 0-0). */
export interface EntryId {
  readonly major: number
  readonly minor: number
}

export const FIRST: EntryId = { major: 0, minor: 0 }

export const compareIds = (a: EntryId, b: EntryId): number => a.major - b.major || a.minor - b.minor

export interface Entry {
  readonly id: EntryId
  readonly body: Uint8Array
}

export interface ReadOptions {
  /** At most this many entries; 1000 unless told. */
  limit?: number
  /** How long to wait for the first entry if there is none, ms; 0 unless told. */
  waitMs?: number
  signal?: AbortSignal
}

/** Ordered, fenced, append-only. Bodies are never changed by anyone after they are handed over. */
export interface Log {
  /** Writes at exactly `id`. 'refused' when `id` is not above the newest ever written: already there, or fenced off. */
  append(key: string, id: EntryId, body: Uint8Array): Promise<'written' | 'refused'>
  /** Writes after the newest, with an id that the log chooses. */
  add(key: string, body: Uint8Array): Promise<EntryId>
  /** Entries after `after`, oldest first; empty after `waitMs` without one, or once `signal` aborts. */
  read(key: string, after: EntryId, options?: ReadOptions): Promise<Entry[]>
  /** The newest entry, undefined for a log that was never written. A trim always keeps it. */
  newest(key: string): Promise<Entry | undefined>
  /** Drops entries below `before`, never the newest. Ids below stay refused. */
  trim(key: string, before: EntryId): Promise<void>
  /** Deletes the whole log after `ms`. A later append to it does not prolong its life. */
  expire(key: string, ms: number): Promise<void>
  close(): Promise<void>
}

/** A JSON value and the version that a writer must name to replace it. Versions start at 1. */
export interface Document {
  readonly key: string
  readonly value: unknown
  readonly version: number
}

/** `epoch` is larger than that of every earlier lease of the same name. */
export interface Lease {
  readonly name: string
  readonly owner: string
  readonly epoch: number
}

export interface Store {
  get(key: string): Promise<Document | undefined>
  /** Replaces version `expected` (0: must not exist). Answers the new version, or 'conflict'. */
  put(key: string, value: unknown, expected: number): Promise<number | 'conflict'>
  delete(key: string): Promise<void>
  /** Documents whose key starts with `prefix`, in key order. */
  list(prefix: string): Promise<Document[]>
  /** Takes a lease that nobody holds; undefined while someone (the same owner included) does. */
  acquire(name: string, owner: string, ttlMs: number): Promise<Lease | undefined>
  /** False once the lease is lost: expired and not renewed in time, released, or taken by another. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>
  release(lease: Lease): Promise<void>
  /** Who holds it now. */
  holder(name: string): Promise<Lease | undefined>
  /** Adds to a counter that starts at 0 and is forgotten `ttlMs` after its first increment; answers the sum. */
  increment(name: string, by: number, ttlMs: number): Promise<number>
  close(): Promise<void>
}

export interface Job {
  readonly id: string
  readonly data: unknown
  /** Aborted when the worker closes: stop soon, throw or return; the job is run again by another worker if it threw. */
  readonly signal: AbortSignal
}

export interface Worker {
  /** Stops taking jobs, aborts the running ones and waits for them. */
  close(): Promise<void>
}

/** Runs this somewhere, and once more if it dies. The name of a queue stands in braces, `{live-a}`: a hash tag. */
export interface Jobs {
  /** Does nothing while a job of that id waits or runs in that queue. */
  add(queue: string, id: string, data: unknown): Promise<void>
  /** Takes out a job that waits; one that runs, or is not there, is left as it is. */
  forget(queue: string, id: string): Promise<void>
  /** A handler that throws is run again after a pause; one that returns is done. At most `most` at once, 1000 unless told; the others wait for any worker. */
  work(queue: string, handler: (job: Job) => Promise<void>, options?: { most?: number }): Worker
  close(): Promise<void>
}

export interface ObjectInfo {
  readonly key: string
  readonly size: number
}

/** Immutable bytes under slash-separated keys. A put is whole or not at all, also when the machine dies in it. */
export interface Objects {
  put(key: string, body: Uint8Array, contentType: string): Promise<void>
  /** Bytes `start` to `end` inclusive of the range, or all; undefined when there is no such object. */
  get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined>
  list(prefix: string): Promise<ObjectInfo[]>
  delete(key: string): Promise<void>
  close(): Promise<void>
}

export interface Ports {
  log: Log
  store: Store
  jobs: Jobs
  objects: Objects
}
