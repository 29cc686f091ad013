import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openFolderObjects } from './objects.ts'

/** A disk of 256 kB, where this machine lets us have one. */
const disk = mkdtempSync(join(tmpdir(), 'odeon-disk-'))
const mounted = ((): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
afterAll(() => {
  if (mounted) execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

describe.skipIf(!mounted)(`a full disk${mounted ? '' : ' (needs the right to mount a tmpfs)'}`, () => {
  test('is named, leaves nothing half written, and with room again the same put succeeds', async () => {
    const objects = await openFolderObjects({ folder: disk })
    const [whole, large] = [new Uint8Array(100_000).fill(1), new Uint8Array(200_000).fill(2)]
    await objects.put('spaces/a/0.m4s', whole, 'audio/mp4')
    await expect(objects.put('spaces/a/1.m4s', large, 'audio/mp4')).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(await objects.get('spaces/a/1.m4s')).toBeUndefined()
    expect(await objects.get('spaces/a/0.m4s')).toEqual(Buffer.from(whole))
    expect(readdirSync(join(disk, 'spaces/a'))).toEqual(['0.m4s'])
    await objects.delete('spaces/a/0.m4s')
    await objects.put('spaces/a/1.m4s', large, 'audio/mp4')
    expect(await objects.get('spaces/a/1.m4s')).toEqual(Buffer.from(large))
    await objects.close()
  })
})
