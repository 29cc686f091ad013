import { DatabaseSync } from 'node:sqlite'
import { AppError, messageOf } from '../../errors.ts'
import type { Document, Lease, Store } from '../../ports.ts'

/**
 * Documents, leases and counters in one SQLite file (WAL), which is this process's alone while it is open. Calls are synchronous underneath, so nothing on the 20 ms beat may use them.
 */
export interface SqliteStoreOptions {
  /** Path of the database, or ':memory:'. */
  file: string
  /** Epoch ms; Date.now unless told. */
  now?: () => number
}

const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, owner TEXT, epoch INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
`

/** Forgotten counters are swept after so many increments. */
const SWEEP_EVERY = 1000

/** Throws `data_in_use` where another process has it: two on one folder would end each other's spaces. */
function openDatabase(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  try {
    db.exec(SCHEMA)
    return db
  } catch (cause) {
    db.close()
    if (!/locked|busy/i.test(messageOf(cause))) throw cause
    throw new AppError(
      500,
      'data_in_use',
      `Another Odeon uses ${file}. Stop it, or choose another folder with ODEON_DATA.`,
      { cause },
    )
  }
}

export function openSqliteStore({ file, now = Date.now }: SqliteStoreOptions): Store {
  const db = openDatabase(file)
  const get = db.prepare('SELECT value, version FROM documents WHERE key = ?')
  const insert = db.prepare('INSERT INTO documents VALUES (?, ?, 1) ON CONFLICT DO NOTHING')
  const update = db.prepare(
    'UPDATE documents SET value = ?, version = version + 1 WHERE key = ? AND version = ?',
  )
  const remove = db.prepare('DELETE FROM documents WHERE key = ?')
  const list = db.prepare('SELECT key, value, version FROM documents WHERE key >= ? AND key < ? ORDER BY key')
  const acquire = db.prepare(`
    INSERT INTO leases VALUES (:name, :owner, 1, :expires)
    ON CONFLICT (name) DO UPDATE SET owner = :owner, epoch = epoch + 1, expires = :expires
      WHERE owner IS NULL OR expires <= :now
    RETURNING epoch`)
  const renew = db.prepare(
    'UPDATE leases SET expires = ? WHERE name = ? AND owner = ? AND epoch = ? AND expires > ?',
  )
  const release = db.prepare('UPDATE leases SET owner = NULL WHERE name = ? AND owner = ? AND epoch = ?')
  const holder = db.prepare(
    'SELECT owner, epoch FROM leases WHERE name = ? AND owner IS NOT NULL AND expires > ?',
  )
  const increment = db.prepare(`
    INSERT INTO counters VALUES (:name, :by, :expires)
    ON CONFLICT (name) DO UPDATE SET
      value = CASE WHEN expires <= :now THEN :by ELSE value + :by END,
      expires = CASE WHEN expires <= :now THEN :expires ELSE expires END
    RETURNING value`)
  const sweep = db.prepare('DELETE FROM counters WHERE expires <= ?')
  let increments = 0
  let closed = false

  /** Every call answers by a promise, also when SQLite throws. */
  const later =
    <A extends unknown[], T>(work: (...args: A) => T) =>
    (...args: A): Promise<T> =>
      new Promise((resolve) => resolve(work(...args)))

  return {
    get: later((key: string): Document | undefined => {
      const row = get.get(key) as { value: string; version: number } | undefined
      return row && { key, value: JSON.parse(row.value) as unknown, version: row.version }
    }),
    put: later((key: string, value: unknown, expected: number) => {
      const text = JSON.stringify(value)
      const { changes } = expected === 0 ? insert.run(key, text) : update.run(text, key, expected)
      return Number(changes) === 1 ? expected + 1 : 'conflict'
    }),
    delete: later((key: string) => void remove.run(key)),
    list: later((prefix: string): Document[] => {
      const rows = list.all(prefix, `${prefix}\u{10ffff}`) as {
        key: string
        value: string
        version: number
      }[]
      return rows.map(({ key, value, version }) => ({ key, value: JSON.parse(value) as unknown, version }))
    }),
    acquire: later((name: string, owner: string, ttlMs: number): Lease | undefined => {
      const row = acquire.get({ name, owner, expires: now() + ttlMs, now: now() }) as
        { epoch: number } | undefined
      return row && { name, owner, epoch: row.epoch }
    }),
    renew: later(({ name, owner, epoch }: Lease, ttlMs: number) => {
      return Number(renew.run(now() + ttlMs, name, owner, epoch, now()).changes) === 1
    }),
    release: later(({ name, owner, epoch }: Lease) => void release.run(name, owner, epoch)),
    holder: later((name: string): Lease | undefined => {
      const row = holder.get(name, now()) as { owner: string; epoch: number } | undefined
      return row && { name, owner: row.owner, epoch: row.epoch }
    }),
    increment: later((name: string, by: number, ttlMs: number) => {
      if (++increments % SWEEP_EVERY === 0) sweep.run(now())
      return (increment.get({ name, by, expires: now() + ttlMs, now: now() }) as { value: number }).value
    }),
    close: later(() => {
      if (closed) return
      closed = true
      db.close()
    }),
  }
}
