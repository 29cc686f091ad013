import { setTimeout as pause } from 'node:timers/promises'
import { aacInit } from '@odeon/common/cmaf-init.ts'
import { AAC } from '@odeon/common/rendition.ts'
import { SAMPLE_RATE } from '@odeon/common/time.ts'
import type { CmafChunk } from '@odeon/player/src/playback/growing/chunk-splitter.ts'
import { GrowingFollower } from '@odeon/player/src/playback/growing/follower.ts'
import { GrowingWindow } from '@odeon/player/src/playback/growing/window.ts'
import { Origins } from '@odeon/player/src/playback/origins.ts'
import { RATE, type Tape } from '../e2e/cluster.ts'
import { percentile } from '../bench/figures.ts'
import { decode } from '../e2e/sound.ts'
import { amplitude } from '../e2e/tone.ts'

/** A listener who follows the growing segments as the player does, with its own code, and keeps what came and when. */

export interface EarOptions {
  /** The origins that he knows, the first one first. */
  urls: [string, ...string[]]
  id: string
  msn: number
}

/** What was heard by a player that keeps `BUFFER_MS` for the network. */
export interface Heard {
  seconds: number
  /** The sound stood still because chunks came later than the buffer lasts, ms. */
  stalledMs: number
  /** The longest time without the speaker's note in what was played, ms. */
  silentMs: number
  /** The same in the log: the speaker or the mixer of a busy machine was late, whatever else died. */
  logSilentMs: number
  /** What was played and is not what the log holds at that place: repeated, shifted or lost on the way, ms. */
  wrongMs: number
  /** Chunks that never came. */
  missing: number
}

/** The smallest buffer of our player on a good network (`governor.ts`). */
const BUFFER_MS = 150
const LOOK = RATE / 50
const CHUNK_MS = (AAC.chunkSamples / SAMPLE_RATE) * 1000

interface Arrived extends CmafChunk {
  at: number
}

class RecordingWindow extends GrowingWindow {
  readonly arrived: Arrived[] = []

  override add(chunk: CmafChunk): boolean {
    const added = super.add(chunk)
    if (added) this.arrived.push({ ...chunk, at: performance.now() })
    return added
  }
}

export class Ear {
  readonly #window = new RecordingWindow(AAC)
  readonly #origins: Origins
  readonly #options: EarOptions
  #follower: GrowingFollower | undefined
  #closed = false

  constructor(options: EarOptions) {
    this.#options = options
    this.#origins = new Origins({ origins: options.urls, fetch })
    this.#follow(options.msn)
  }

  #follow(msn: number): void {
    this.#follower = new GrowingFollower({
      base: `${this.#options.urls[0]}/live/${this.#options.id}/aac/`,
      window: this.#window,
      msn,
      origins: this.#origins,
      fetch: this.#origins.fetch,
      now: () => performance.now(),
      wait: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
      hidden: () => false,
      onFault: () => void this.#again(),
    })
  }

  /** As the page does: makes the next one, until it is closed. */
  async #again(): Promise<void> {
    await pause(250)
    if (!this.#closed) this.#follow(this.#window.edge?.msn ?? this.#options.msn)
  }

  /** The newest chunk's number since the start of the space; -1 before there is one. */
  get newest(): number {
    const { edge } = this.#window
    return edge ? edge.msn * AAC.chunksPerSegment + edge.chunk : -1
  }

  /** ms on the clock of `performance.now()` when the newest chunk came. */
  get newestAt(): number {
    return this.#window.arrived.at(-1)?.at ?? -Infinity
  }

  close(): void {
    this.#closed = true
    this.#follower?.close()
  }

  async report(tape: Tape, hz: number): Promise<Heard> {
    const chunks = this.#window.arrived.toSorted((a, b) => a.sample - b.sample)
    const missing = chunks.slice(1).reduce((sum, { sample }, n) => {
      return sum + Math.round((sample - chunks[n]!.sample) / AAC.chunkSamples) - 1
    }, 0)
    const first = chunks[0]
    if (!first) throw new Error('Nothing was heard.')
    const pcm = await decode(Buffer.concat([aacInit(), ...chunks.map(({ bytes }) => bytes)]), RATE)
    const written = tape.pcm(first.sample, pcm.length * (SAMPLE_RATE / RATE))
    return {
      seconds: pcm.length / RATE,
      stalledMs: Math.round(stalled(chunks)),
      silentMs: longestSilence(pcm, hz, RATE),
      logSilentMs: longestSilence(written, hz, SAMPLE_RATE),
      wrongMs: wrong(pcm, written),
      missing,
    }
  }
}

/**
 * Plays the chunks when they came, each after the one before, `BUFFER_MS` later than they usually come: how long the playhead stood still. Those of
 * the beginning came late by nature.
 */
function stalled(chunks: readonly Arrived[]): number {
  const late = chunks.map(({ at, sample }) => at - (sample / SAMPLE_RATE) * 1000)
  const began = BUFFER_MS + percentile(late, 0.5)
  const settled = late.slice(late.findIndex((ms) => ms <= began))
  return Math.max(began, ...settled) - began
}

function longestSilence(pcm: Float32Array, hz: number, rate: number): number {
  const look = rate / 50
  let longest = 0
  let silent = 0
  for (let at = 0; at + look <= pcm.length; at += look) {
    silent = amplitude(pcm.subarray(at, at + look), hz, rate) < 0.05 ? silent + 20 : 0
    longest = Math.max(longest, silent)
  }
  return longest
}

/** ms of 20 ms looks in which the sound is there and is not that of the log. The coder's own error is a tenth of what counts. */
function wrong(heard: Float32Array, written: Float32Array): number {
  const ratio = SAMPLE_RATE / RATE
  let looks = 0
  for (let at = Math.round((CHUNK_MS / 1000) * RATE); at + LOOK <= heard.length; at += LOOK) {
    let [product, ours, theirs] = [0, 0, 0]
    for (let n = at; n < at + LOOK; n++) {
      const sample = written[Math.round(n * ratio)] ?? 0
      product += heard[n]! * sample
      ours += heard[n]! ** 2
      theirs += sample ** 2
    }
    const there = LOOK * 0.05 ** 2
    if (ours < there && theirs < there) continue
    if (product / Math.sqrt(ours * theirs || 1) < 0.7) looks++
  }
  return looks * 20
}
