import { EventEmitter } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { PassThrough, Writable } from 'node:stream'
import { path as installedFfmpeg } from '@ffmpeg-installer/ffmpeg'
import fluent from 'fluent-ffmpeg'
import { AAC_BITRATE } from '@odeon/common/cmaf-init.ts'
import { messageOf } from '@odeon/common/errors.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'

/** PCM in (f32le, as the AAC encoder takes it, 48 kHz, mono), AAC-LC in ADTS out. The only file that knows fluent-ffmpeg. */

export type FfmpegExit =
  | { kind: 'finished' }
  | { kind: 'stopped' } // We asked it to.
  | { kind: 'crashed'; code: number | null; lastWords: string[] }

export interface FfmpegOptions {
  /** An ffmpeg of your own; undefined for the one that was installed with Odeon. */
  path?: string | undefined
  /** Takes what ffmpeg writes, piece by piece. Who has no room for more answers a promise: until it resolves ffmpeg waits, and so does `write`. */
  onOutput: (piece: Uint8Array) => Promise<void> | undefined
}

export interface Ffmpeg {
  /** Of the process; undefined until it runs. */
  pid(): number | undefined
  /** Resolves when there is room for more, and when ffmpeg is gone (then the bytes are lost; `exit` says why). */
  write(pcm: Float32Array): Promise<void>
  /** No more PCM comes: ffmpeg gives what it holds and finishes. */
  end(): void
  /** Everything that ffmpeg wrote was taken; it has ended, in whatever way. Never rejects. */
  readonly ended: Promise<void>
  /** Never rejects. */
  readonly exit: Promise<FfmpegExit>
  /** Kills it. With a reason, it counts as crashed for that reason. */
  stop(reason?: string): Promise<FfmpegExit>
}

/** PCM on its way in and AAC on its way out, bytes each: 0.2 s and some seconds. When they are full the writer waits. */
const INPUT_BUFFER = 38_400
const OUTPUT_BUFFER = 32_768
const LAST_WORDS = 20

const inputOptions = [
  ...['-hide_banner', '-nostats', '-loglevel', 'warning'],
  // Raw audio has nothing to find out: the first sample is encoded as soon as it is there. (`-fflags nobuffer` would throw away what was
  // read to find it out.)
  ...['-probesize', '32', '-analyzeduration', '0'],
  ...['-ar', String(SAMPLE_RATE), '-ac', '1'],
]
const outputOptions = ['-c:a', 'aac', '-b:a', String(AAC_BITRATE), '-flush_packets', '1']

export function startFfmpeg({ path, onOutput }: FfmpegOptions): Ffmpeg {
  const input = new PassThrough({ highWaterMark: INPUT_BUFFER })
  // fluent-ffmpeg takes a closed output for a crash 20 ms later, even while a finished ffmpeg is just about to exit: never close it.
  const output = new Writable({
    highWaterMark: OUTPUT_BUFFER,
    autoDestroy: false,
    emitClose: false,
    write(piece: Uint8Array, _encoding, done) {
      const full = onOutput(piece)
      if (full) void full.then(() => done())
      else done()
    },
  })
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  output.once('finish', end)
  const lastWords: string[] = []
  const gone = new EventEmitter()
  let process: ChildProcess | undefined
  let stopping: { reason: string | undefined } | undefined

  const command = fluent()
    .setFfmpegPath(path ?? installedFfmpeg)
    .input(input)
    .inputFormat('f32le')
    .inputOptions(inputOptions)
    .outputOptions(outputOptions)
    .format('adts')
  const { promise: exit, resolve } = Promise.withResolvers<FfmpegExit>()
  const settle = (story: FfmpegExit) => {
    const words = stopping?.reason === undefined ? [] : [stopping.reason]
    if (!stopping) resolve(story)
    else if (words.length === 0) resolve({ kind: 'stopped' })
    else resolve({ kind: 'crashed', code: null, lastWords: [...lastWords, ...words] })
    input.destroy()
    if (!process) output.end() // Otherwise its stdout does, which may still hold something.
    gone.emit('gone')
  }
  command
    .on('start', () => {
      // The types leave it out; it is how the library's own `kill` finds the process.
      process = (command as unknown as { ffmpegProc: ChildProcess }).ffmpegProc
      process.stdout?.once('close', () => output.end())
      if (stopping) process.kill('SIGKILL')
    })
    .on('stderr', (line: string) => {
      if (line) lastWords.push(line)
      if (lastWords.length > LAST_WORDS) lastWords.shift()
    })
    .on('end', () => settle({ kind: 'finished' }))
    .on('error', (error: unknown) =>
      settle({
        kind: 'crashed',
        code: process?.exitCode ?? null,
        lastWords: [...lastWords, messageOf(error)],
      }),
    )
    .pipe(output)

  return {
    pid: () => process?.pid,
    async write(pcm) {
      // As it lies in memory: ffmpeg is installed for little-endian machines alone.
      const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)
      if (input.destroyed || input.write(bytes)) return
      await new Promise<void>((done) => {
        const release = () => {
          input.off('drain', release)
          gone.off('gone', release)
          done()
        }
        input.on('drain', release)
        gone.on('gone', release)
      })
    },
    end: () => {
      if (!input.destroyed) input.end()
    },
    ended,
    exit,
    stop(reason) {
      stopping ??= { reason }
      process?.kill('SIGKILL')
      return exit
    },
  }
}
