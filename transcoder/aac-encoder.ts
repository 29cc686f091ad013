import { AAC } from '@odeon/common/rendition.ts'
import { AAC_FRAME_SAMPLES, type Samples } from '@odeon/common/time.ts'
import { AdtsParser } from './adts.ts'
import { startFfmpeg, type FfmpegExit } from './ffmpeg.ts'

/**
 * AAC frames from frame `k` on, such that frame k on the wire is samples 1024k … 1024k+1023 of the space, whoever encodes it. An encoder
 * that starts in the middle is fed the 8 frames before k first; what it makes of them is dropped, and so is its priming frame.
 */

const PREROLL_FRAMES = 8
const PRIMING_FRAMES = 1
/** ffmpeg gives frame k once frame k+2 went in, or the end. */
const LOOKAHEAD_FRAMES = 2
/** Frames that may wait for their reader, some seconds of them; when they are full ffmpeg waits. */
const MOST_READY = 128
const TICK_MS = 500
const STUCK_TICKS = 4 // 2 s
const SLOW_START_TICKS = 20 // A new process on a loaded machine, 10 s.

/** The first sample that an encoder for frame `k` must be fed; negative ones are zeros that it makes itself. */
export const firstSampleFor = (frame: number): Samples => (frame - PREROLL_FRAMES) * AAC_FRAME_SAMPLES

/**
 * The first sample after `fed` at which ffmpeg has all that it needs for another whole chunk. A write wakes a process, which costs more than
 * the encoding of what is written: there is one for each chunk, and nothing comes later for it.
 */
export const enoughAfter = (fed: Samples): Samples => {
  const { framesPerChunk, chunkSamples } = AAC
  const ahead = (LOOKAHEAD_FRAMES % framesPerChunk) * AAC_FRAME_SAMPLES
  return (Math.floor((fed - ahead) / chunkSamples) + 1) * chunkSamples + ahead
}

export interface AacEncoderOptions {
  /** k */
  firstFrame: number
  ffmpegPath?: string | undefined
}

export interface AacEncoder {
  pid(): number | undefined
  /**
   * PCM in −1 … 1 whose first sample is `start`; each piece where the one before it ended. Samples before the first one needed are left
   * out. Waits while the encoder has enough.
   */
  write(start: Samples, pcm: Float32Array): Promise<void>
  /** The space ends where the last piece ended: its last frame is filled up with zeros. */
  end(): Promise<void>
  /**
   * Frames k, k+1, … in order, as many as a chunk holds at a time, to the last of the space or as far as the encoder lived: then ask `exit`.
   * For one reader.
   */
  frames(): AsyncGenerator<Uint8Array[]>
  readonly exit: Promise<FfmpegExit>
  close(): Promise<void>
}

export function startAacEncoder({ firstFrame, ffmpegPath }: AacEncoderOptions): AacEncoder {
  const { framesPerChunk } = AAC
  const ffmpeg = startFfmpeg({ path: ffmpegPath, onOutput: take })
  const parser = new AdtsParser()
  const firstSample = firstSampleFor(firstFrame)
  /** The next sample that is wanted. */
  let next: Samples = firstSample
  /** What ffmpeg has not got yet, less than a chunk; it has what is before `fed`. */
  let held: Float32Array[] = []
  let fed: Samples = firstSample
  let received = 0 // AAC frames out of ffmpeg, dropped ones included.
  let total = Infinity // AAC frames of the space, once its end is known.
  let frame = firstFrame - PREROLL_FRAMES - PRIMING_FRAMES // The next one out of ffmpeg.
  const ready: Uint8Array[] = []
  let damage: unknown
  let ended = false
  /** Tells the reader that there is something for it. */
  let wake = (): void => {}
  /** Tells ffmpeg that there is room again. */
  let release = (): void => {}

  const feed = async (pcm: Float32Array) => {
    held.push(pcm)
    next += pcm.length
    if (next >= enoughAfter(fed)) await flush()
  }
  const flush = async () => {
    const pcm = joined(held, next - fed)
    held = []
    fed = next
    await ffmpeg.write(pcm)
  }

  function take(piece: Uint8Array): Promise<void> | undefined {
    try {
      for (const bytes of parser.push(piece)) {
        received++
        if (frame >= firstFrame && frame < total) ready.push(bytes)
        frame++
      }
    } catch (error) {
      damage ??= error
    }
    if (damage !== undefined || ready.length >= framesPerChunk) wake()
    if (ready.length < MOST_READY) return undefined
    return new Promise((resolve) => (release = resolve))
  }
  void ffmpeg.ended.then(() => {
    ended = true
    wake()
  })

  async function* frames(): AsyncGenerator<Uint8Array[]> {
    const watch = watchdog()
    try {
      for (;;) {
        while (damage === undefined && ready.length < framesPerChunk && !ended)
          await new Promise<void>((resolve) => (wake = resolve))
        if (damage !== undefined) throw damage
        if (ready.length === 0) break
        const chunk = ready.splice(0, framesPerChunk)
        if (ready.length < MOST_READY) release()
        watch.pause()
        yield chunk
        watch.resume()
      }
      if ((await ffmpeg.exit).kind === 'finished') parser.end()
    } finally {
      watch.close()
    }
  }

  /** Kills an ffmpeg that gives nothing though it was fed, while somebody waits for its output. */
  function watchdog() {
    let waiting = true
    let ticks = 0
    let before = received
    const timer = setInterval(() => {
      const frames = Math.floor((fed - firstSample) / AAC_FRAME_SAMPLES)
      const owes = total < Infinity || frames > received + LOOKAHEAD_FRAMES + 1
      ticks = waiting && owes && received === before ? ticks + 1 : 0
      before = received
      if (ticks === (received > 0 ? STUCK_TICKS : SLOW_START_TICKS))
        void ffmpeg.stop(`No output for ${ticks * TICK_MS} ms.`)
    }, TICK_MS)
    return {
      pause: () => (waiting = false),
      resume: () => (waiting = true),
      close: () => clearInterval(timer),
    }
  }

  return {
    pid: () => ffmpeg.pid(),
    async write(start, pcm) {
      if (next < 0 && start === 0) await feed(new Float32Array(-next))
      const skip = Math.max(0, next - start)
      if (start > next) throw new Error(`PCM from sample ${start}, wanted ${next}.`)
      if (skip < pcm.length) await feed(pcm.subarray(skip))
    },
    async end() {
      const last = Math.max(0, Math.ceil(next / AAC_FRAME_SAMPLES))
      await feed(new Float32Array(last * AAC_FRAME_SAMPLES - next))
      await flush()
      total = last
      ffmpeg.end()
    },
    frames,
    exit: ffmpeg.exit,
    async close() {
      await ffmpeg.stop()
    },
  }
}

function joined(pieces: readonly Float32Array[], samples: Samples): Float32Array {
  const whole = new Float32Array(samples)
  let at = 0
  for (const pcm of pieces) {
    whole.set(pcm, at)
    at += pcm.length
  }
  return whole
}
