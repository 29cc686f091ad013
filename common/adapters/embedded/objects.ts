import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { ObjectInfo, Objects } from '../../ports.ts'
import { assertObjectKey, assertObjectPrefix } from '../object-key.ts'

/** Objects as files below a folder. */
const TEMPORARY = '.writing-'

export interface FolderObjectsOptions {
  folder: string
}

/** Opens the folder, made if needed; what a killed process left half written is removed. */
export async function openFolderObjects({ folder }: FolderObjectsOptions): Promise<Objects> {
  await mkdir(folder, { recursive: true })
  for (const file of await files(folder)) if (isTemporary(file)) await rm(file, { force: true })

  return {
    async put(key, body) {
      const path = pathOf(folder, key)
      const parent = dirname(path)
      await mkdir(parent, { recursive: true })
      const temporary = join(parent, `${TEMPORARY}${randomUUID()}`)
      try {
        const file = await open(temporary, 'wx')
        try {
          await file.writeFile(body)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(temporary, path)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    },
    async get(key, range) {
      const path = pathOf(folder, key)
      try {
        if (!range) return await readFile(path)
        const file = await open(path, 'r')
        try {
          const { size } = await file.stat()
          const length = Math.max(0, Math.min(range.end + 1, size) - range.start)
          const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, range.start)
          return buffer.subarray(0, bytesRead)
        } finally {
          await file.close()
        }
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async list(prefix) {
      assertObjectPrefix(prefix)
      // Only the folder that the prefix names is walked, not the whole store.
      const start = prefix.includes('/') ? join(folder, prefix.slice(0, prefix.lastIndexOf('/'))) : folder
      const found: ObjectInfo[] = []
      for (const file of await files(start)) {
        const key = relative(folder, file).split(sep).join('/')
        if (isTemporary(file) || !key.startsWith(prefix)) continue
        const size = await sizeOf(file)
        if (size !== undefined) found.push({ key, size })
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1))
    },
    async delete(key) {
      await rm(pathOf(folder, key), { force: true })
    },
    close: () => Promise.resolve(),
  }
}

function pathOf(folder: string, key: string): string {
  assertObjectKey(key)
  return join(folder, ...key.split('/'))
}

const isTemporary = (path: string): boolean => path.slice(path.lastIndexOf(sep) + 1).startsWith(TEMPORARY)

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Undefined when it was deleted since it was seen. */
async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Every file below a folder; none if there is no such folder. */
async function files(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
