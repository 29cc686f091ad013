import { once } from 'node:events'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFfmpeg, type Ffmpeg } from './ffmpeg.ts'

async function lengthOf(output: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0
  for await (const piece of output) length += piece.length
  return length
}

/** Resolves with the first output. */
async function running(ffmpeg: Ffmpeg): Promise<number> {
  await ffmpeg.write(new Uint8Array(2048 * 8))
  await once(ffmpeg.output, 'readable')
  return ffmpeg.pid()!
}

test('ffmpeg finishes when its input ends, with everything that it was given', async () => {
  const ffmpeg = startFfmpeg(undefined)
  const length = lengthOf(ffmpeg.output)
  for (let i = 0; i < 50; i++) await ffmpeg.write(new Uint8Array(2048))
  ffmpeg.end()
  expect(await length).toBeGreaterThan(0)
  expect(await ffmpeg.exit).toEqual({ kind: 'finished' })
  expect(await ffmpeg.stop()).toEqual({ kind: 'finished' })
})

test('an ffmpeg that we stop is stopped, before it started too', async () => {
  const early = startFfmpeg(undefined)
  expect(await early.stop()).toEqual({ kind: 'stopped' })
  const late = startFfmpeg(undefined)
  await running(late)
  expect(await late.stop()).toEqual({ kind: 'stopped' })
  await late.write(new Uint8Array(200_000)) // Goes nowhere, and waits for nothing.
})

test('an ffmpeg that is killed has crashed, and its output ends', async () => {
  const ffmpeg = startFfmpeg(undefined)
  process.kill(await running(ffmpeg), 'SIGKILL')
  expect(await ffmpeg.exit).toEqual({
    kind: 'crashed',
    code: null,
    lastWords: expect.arrayContaining([expect.stringContaining('SIGKILL')]) as string[],
  })
})

test('the last words of an ffmpeg that fails are kept', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odeon-'))
  const path = join(folder, 'ffmpeg')
  const real = (await import('@ffmpeg-installer/ffmpeg')).path
  // As the real one while it is asked what it can do, then one that fails.
  await writeFile(
    path,
    `#!/bin/sh\ncase "$*" in *pipe:0*) echo "no luck" >&2; exit 7;; esac\nexec ${real} "$@"\n`,
  )
  await chmod(path, 0o755)
  const ffmpeg = startFfmpeg(path)
  await lengthOf(ffmpeg.output)
  expect(await ffmpeg.exit).toMatchObject({
    kind: 'crashed',
    code: 7,
    lastWords: ['no luck', expect.anything()],
  })
})

test('a writer waits while ffmpeg has enough and its output is not read', async () => {
  const ffmpeg = startFfmpeg(undefined)
  let written = 0
  const writing = (async () => {
    while (written < 40_000_000) {
      await ffmpeg.write(Buffer.from(Float32Array.from({ length: 2048 }, Math.random).buffer))
      written += 8192
    }
  })()
  await once(ffmpeg.output, 'readable')
  // ffmpeg takes 40 MB (seven minutes) within seconds; unread, it must stop long before.
  let before = -1
  while (before !== written) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  expect(written).toBeLessThan(20_000_000)
  await ffmpeg.stop()
  written = Infinity
  await writing
})
