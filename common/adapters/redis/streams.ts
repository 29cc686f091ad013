import { FIRST, type Entry, type EntryId } from '../../ports.ts'

/** Entries as Redis Streams hold them: field `b` is the body, `w` the writer. */

export const idText = ({ major, minor }: EntryId): string => `${major}-${minor}`

/** Fails for what Redis would never answer. */
export function parseId(text: string): EntryId {
  const [major, minor] = text.split('-').map(Number)
  if (!Number.isSafeInteger(major) || !Number.isSafeInteger(minor))
    throw new Error(`"${text}" is no id of a stream`)
  return { major: major!, minor: minor! }
}

/** The answer of XRANGE. */
export type RawEntry = [id: Buffer, fields: Buffer[] | null]

export const fieldOf = ([, fields]: RawEntry, name: string): Buffer | undefined => {
  for (let at = 0; fields && at + 1 < fields.length; at += 2)
    if (fields[at]!.toString() === name) return fields[at + 1]
  return undefined
}

/** An entry that somebody else wrote has no body of ours: it is empty, and damaged to whoever decodes it. The body is a copy, since the buffer behind it is as large as what came over the wire. */
export const entryOf = (raw: RawEntry): Entry => ({
  id: parseId(raw[0].toString()),
  body: new Uint8Array(fieldOf(raw, 'b') ?? []),
})

/** The answer of XREAD over RESP2: null, or `[key, entries]` for each stream that has some. */
export const readAnswer = (answer: unknown): Map<string, Entry[]> =>
  new Map(
    ((answer ?? []) as [Buffer, RawEntry[]][]).map(([key, entries]) => [
      key.toString(),
      entries.map(entryOf),
    ]),
  )

/** XRANGE from the entry after an id. */
export const afterText = (id: EntryId): string =>
  id.major === FIRST.major && id.minor === FIRST.minor ? '-' : `(${idText(id)}`
