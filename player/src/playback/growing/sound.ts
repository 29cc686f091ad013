import type { Rendition } from '@odeon/common/rendition.ts'
import { FRAME_MS, FRAMES_PER_SEGMENT } from '@odeon/common/time.ts'
import { localNow } from '../clock.ts'
import { openHls } from '../hls.ts'
import { pageOrigins } from '../origins.ts'
import type { Sound, SoundOptions, Trouble } from '../sound.ts'
import { GrowingFollower, type Fault } from './follower.ts'
import { readPlaylist, type PlaylistFacts, type TuneIn } from './playlist.ts'
import { GrowingWindow } from './window.ts'
import { Pace, type Source } from './loaders.ts'

const SEGMENT_MS = FRAMES_PER_SEGMENT * FRAME_MS
/** The newest chunk is so much behind the clock at least. */
const BEHIND_MS = 180

/** What is known of a space before its sound is asked for: fetched when the page opens, good as long as the space lives. */
export interface TunedIn {
  /** The one that `init` is of. */
  rendition: Rendition
  startedAt: number
  roundTripMs: number
  init: ArrayBuffer
  /** Add to the local clock to have the server's, ms; undefined while nobody asked. */
  offset: number | undefined
}

export interface GrowingOptions extends SoundOptions {
  rendition: Rendition
  tunedIn: TunedIn | undefined
  onFault(fault: Fault): void
}

/** `/live/{id}/aac/`, from the URL of the multivariant playlist. */
export const baseOf = (url: string, { name }: Rendition): string =>
  new URL(`${name}/`, new URL(url, location.href)).href

/** Live sound from growing segments: hls.js plays what the follower reads. */
export function openGrowing(options: GrowingOptions): Sound {
  const { url, rendition, onTrouble, onFault, onAnswer } = options
  const base = baseOf(url, rendition)
  const origins = pageOrigins()
  const window = new GrowingWindow(rendition)
  const init = options.tunedIn?.rendition === rendition ? options.tunedIn.init : undefined
  const source: Source = { window, facts: { startedAt: 0, roundTripMs: 0 }, init, pace: new Pace() }
  const released = new AbortController()
  const { signal } = released
  const sound = openHls(options, { source })
  let follower: GrowingFollower | undefined

  const follow = ({ msn, ...facts }: Beginning): void => {
    source.facts = facts
    follower = new GrowingFollower({
      base,
      window,
      msn,
      origins,
      fetch: async (...request) => {
        const response = await origins.fetch(...request)
        onAnswer()
        return response
      },
      now: () => performance.now(),
      wait,
      hidden: () => document.hidden,
      onFault,
    })
    void (async () => {
      while (!signal.aborted) {
        await window.changed(signal)
        onAnswer()
      }
    })()
  }

  void begin(base, options.tunedIn, signal).then(
    (beginning) => {
      if (!signal.aborted) follow(beginning)
    },
    (trouble: Trouble) => {
      if (!signal.aborted) onTrouble(trouble)
    },
  )
  return {
    ...sound,
    close() {
      released.abort()
      follower?.close()
      sound.close()
    },
  }
}

/**
 * Nobody begins with segment 0. hls.js then moves the sound by next to nothing instead of backwards; Chromium, which counts microseconds, ends the
 * segment one before the place where hls.js looks for the next one, and nothing more is loaded (1.7.4).
 */
const EARLIEST = 1

interface Beginning extends PlaylistFacts {
  msn: number
}

/** Where to begin: the segment before the growing one. Rejects with a `Trouble`. */
async function begin(base: string, tunedIn: TunedIn | undefined, signal: AbortSignal): Promise<Beginning> {
  if (tunedIn?.offset !== undefined) {
    const lived = localNow() + tunedIn.offset - tunedIn.startedAt
    return {
      startedAt: tunedIn.startedAt,
      roundTripMs: tunedIn.roundTripMs,
      msn: Math.max(EARLIEST, Math.floor((lived - BEHIND_MS) / SEGMENT_MS) - 1),
    }
  }
  const there = await tuneIn(base, signal)
  if (there.ended) throw { kind: 'network', status: 404 } satisfies Trouble
  const { startedAt, roundTripMs, growing } = there
  return { startedAt, roundTripMs, msn: Math.max(EARLIEST, growing - 1) }
}

/** One real playlist. Rejects with a `Trouble`. */
export async function tuneIn(base: string, signal: AbortSignal): Promise<TuneIn & { roundTripMs: number }> {
  const asked = performance.now()
  let response: Response
  try {
    response = await pageOrigins().fetch(`${base}index.m3u8`, { signal })
  } catch {
    throw { kind: 'network', status: 0 } satisfies Trouble
  }
  const roundTripMs = performance.now() - asked
  const there = response.ok ? readPlaylist(await response.text()) : undefined
  if (!there) throw { kind: 'network', status: response.status } satisfies Trouble
  return { ...there, roundTripMs }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
