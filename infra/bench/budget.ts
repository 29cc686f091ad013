import type { Page } from 'playwright-core'
import { OPUS } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE, SEGMENT_SAMPLES } from '@odeon/common/time.ts'
import { BEYOND_DATES_MS } from '@odeon/player/src/playback/clock.ts'
import { decode } from '../e2e/sound.ts'
import { delays, percentile } from './figures.ts'

/** Where the time from mouth to ear goes, ms. The steps add up to what was heard. */
export interface Budget {
  /** From the mouth to the sample's place on the space's clock: capture of a packet, jitter buffer. */
  stage: number
  /** The length of a chunk: its first sample waits for its last. */
  chunk: number
  /** From the clock of a chunk's last sample to the chunk in its log: beat, write. */
  encode: number
  /** On to the origin's window. */
  announce: number
  /** On to the browser's buffer: network, our loaders, hls.js. */
  network: number
  /** What was still buffered when the next chunk came: the governor's. */
  buffer: number
  /** From the playhead to the loudspeaker: what is left of what was heard. */
  output: number
}

interface Sums {
  sum: number
  count: number
}

export interface Steps {
  written: Sums
  announced: Sums
}

/** The running sums of the steps that the servers measure themselves, of the rendition that the page plays unless told otherwise. */
export async function readSteps(base: string): Promise<Steps> {
  const text = await (await fetch(`${base}/metrics`)).text()
  const value = (name: string): number =>
    Number(new RegExp(`^${name}{rendition="opus"} (.+)$`, 'm').exec(text)?.[1] ?? NaN)
  const sums = (name: string): Sums => ({ sum: value(`${name}_sum`), count: value(`${name}_count`) })
  return {
    written: sums('odeon_transcoder_chunk_delay_seconds'),
    announced: sums('odeon_sample_to_announced_seconds'),
  }
}

/** Begins to watch the page's buffer: the smallest before each chunk that came. */
export const watchBuffer = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const audio = document.querySelector('audio')!
    const least: number[] = []
    const shown: number[] = []
    let end = 0
    let ahead = Infinity
    const delay = document.querySelector<HTMLElement>('[data-testid="delay"]')
    setInterval(() => {
      const { buffered } = audio
      const now = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0
      if (now > end + 0.01 && ahead < 5) least.push(ahead)
      end = now
      ahead = end - audio.currentTime
    }, 4)
    setInterval(() => shown.push(Number(delay?.dataset['seconds'] || NaN)), 100)
    Object.assign(window, { buffers: { least, shown } })
  })

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean time from mouth to the place on the clock, ms, out of the newest whole segments. */
async function toTheClock(base: string, space: string, spoken: number[], everyMs: number): Promise<number> {
  const folder = `${base}/live/${space}/opus`
  const playlist = await (await fetch(`${folder}/index.m3u8`)).text()
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(playlist)![1])
  const date = Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(.+)$/m.exec(playlist)![1]!)
  const count = playlist.match(/^#EXTINF:/gm)!.length
  const bytes = async (name: string): Promise<Uint8Array> =>
    new Uint8Array(await (await fetch(`${folder}/${name}`)).arrayBuffer())
  const names = ['init.mp4', ...Array.from({ length: count }, (_, n) => `${first + n}.m4s`)]
  const pcm = await decode(Buffer.concat(await Promise.all(names.map(bytes))), SAMPLE_RATE)
  const onsets: number[] = []
  // The first frame of a decoder that begins in the middle is not to be trusted.
  for (let n = SEGMENT_SAMPLES / 4, quiet = 0; n < pcm.length; n++) {
    if (Math.abs(pcm[n]!) < 0.1) quiet++
    else {
      if (quiet > 0.3 * SAMPLE_RATE) onsets.push(date + (n * 1000) / SAMPLE_RATE)
      quiet = 0
    }
  }
  return mean(delays(spoken, onsets, everyMs))
}

export interface BudgetOptions {
  page: Page
  base: string
  space: string
  before: Steps
  spoken: number[]
  everyMs: number
  /** Median of what the ear heard, ms. */
  heard: number
}

export async function readBudget(options: BudgetOptions): Promise<Budget & { shown: number }> {
  const { page, base, space, before, spoken, everyMs, heard } = options
  const after = await readSteps(base)
  const { least, shown } = await page.evaluate(
    () => (window as unknown as { buffers: { least: number[]; shown: number[] } }).buffers,
  )
  const step = (name: keyof Steps): number =>
    ((after[name].sum - before[name].sum) / (after[name].count - before[name].count)) * 1000
  const shownMs = percentile(shown.filter(Number.isFinite), 0.5) * 1000
  const behind = shownMs - BEYOND_DATES_MS
  const chunk = (OPUS.chunkSamples / SAMPLE_RATE) * 1000
  const buffer = percentile(least, 0.5) * 1000
  const stage = await toTheClock(base, space, spoken, everyMs)
  return {
    stage,
    chunk,
    encode: step('written'),
    announce: step('announced') - step('written'),
    network: behind - chunk - step('announced') - buffer,
    buffer,
    output: heard - stage - behind,
    shown: shownMs,
  }
}
