import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFfmpeg } from './ffmpeg.ts'

/** One whose output is counted. */
function start(path?: string) {
  const first = Promise.withResolvers<void>()
  const output = { length: 0, first: first.promise }
  const ffmpeg = startFfmpeg({
    path,
    onOutput: (piece) => {
      output.length += piece.length
      first.resolve()
      return undefined
    },
  })
  return { ffmpeg, output }
}

/** One that has begun to give something. */
async function running() {
  const { ffmpeg, output } = start()
  await ffmpeg.write(new Float32Array(1024 * 8))
  await output.first
  return { ffmpeg, pid: ffmpeg.pid()! }
}

test('ffmpeg finishes when its input ends, with everything that it was given', async () => {
  const { ffmpeg, output } = start()
  for (let i = 0; i < 50; i++) await ffmpeg.write(new Float32Array(1024))
  ffmpeg.end()
  await ffmpeg.ended
  expect(output.length).toBeGreaterThan(0)
  expect(await ffmpeg.exit).toEqual({ kind: 'finished' })
  expect(await ffmpeg.stop()).toEqual({ kind: 'finished' })
})

test('an ffmpeg that we stop is stopped, before it started too', async () => {
  const { ffmpeg: early } = start()
  expect(await early.stop()).toEqual({ kind: 'stopped' })
  const { ffmpeg: late } = await running()
  expect(await late.stop()).toEqual({ kind: 'stopped' })
  await late.write(new Float32Array(100_000)) // Goes nowhere, and waits for nothing.
})

test('an ffmpeg that is killed has crashed, and its output ends', async () => {
  const { ffmpeg, pid } = await running()
  process.kill(pid, 'SIGKILL')
  await ffmpeg.ended
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
  const { ffmpeg } = start(path)
  await ffmpeg.ended
  expect(await ffmpeg.exit).toMatchObject({
    kind: 'crashed',
    code: 7,
    lastWords: ['no luck', expect.anything()],
  })
})

test('a writer waits while ffmpeg has enough and its output is not taken', async () => {
  const { promise: room, resolve: makeRoom } = Promise.withResolvers<void>()
  const { promise: full, resolve: fill } = Promise.withResolvers<void>()
  const ffmpeg = startFfmpeg({
    onOutput: () => {
      fill()
      return room
    },
  })
  let written = 0
  const writing = (async () => {
    while (written < 40_000_000) {
      await ffmpeg.write(Float32Array.from({ length: 2048 }, Math.random))
      written += 8192
    }
  })()
  await full
  // ffmpeg takes 40 MB (three minutes) within seconds; unread, it must stop long before.
  let before = -1
  while (before !== written) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  expect(written).toBeLessThan(20_000_000)
  await ffmpeg.stop()
  makeRoom()
  written = Infinity
  await writing
})
