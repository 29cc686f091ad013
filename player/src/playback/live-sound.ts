import { askServerClock } from './clock.ts'
import { governed } from './governed.ts'
import type { Fault } from './growing/follower.ts'
import type { TunedIn } from './growing/sound.ts'
import { loadSound, type OpenSound, type Sound, type SoundOptions } from './sound.ts'

/**
 * The two ways to listen. Growing segments are the short one; where they don't get through as they grow, standard LL-HLS is taken, and the
 * short way tried again later. A browser without hls.js plays by itself.
 */

const FIRST_RETURN_MS = 60_000
const LAST_RETURN_MS = 15 * 60_000
/** Twice at another place of the timeline within this is no restart, but a fault of this way. */
const ELSEWHERE_MS = 10_000

export interface LiveSoundOptions {
  /** `/live/{id}/index.m3u8` */
  url: string
  /** Aborts what is fetched ahead of the press. */
  signal: AbortSignal
}

/** Loads the code and what can be known before the press; the opener plays at once. Null where nothing can play HLS. */
export async function loadLiveSound({ url, signal }: LiveSoundOptions): Promise<OpenSound | null> {
  const [{ hlsIsSupported, openHls }, { openGrowing, tuneIn }] = await Promise.all([
    import('./hls.ts'),
    import('./growing/sound.ts'),
  ])
  if (!hlsIsSupported()) return loadSound()
  const base = new URL('aac/', new URL(url, location.href)).href
  let tunedIn: TunedIn | undefined
  let standardUntil = 0
  let returnMs = FIRST_RETURN_MS
  let elsewhereAt = -Infinity

  const prepare = async (): Promise<void> => {
    const [there, init, offset] = await Promise.all([
      tuneIn(base, signal),
      fetch(`${base}init.mp4`, { signal }).then((response) => response.arrayBuffer()),
      askServerClock(signal),
    ])
    if (!there.ended) tunedIn = { startedAt: there.startedAt, init, offset }
  }
  prepare().catch(() => {}) // Without it the press asks.

  const faulted = (fault: Fault, options: SoundOptions): void => {
    switch (fault.kind) {
      case 'gone':
        return options.onTrouble({ kind: 'network', status: 404 })
      case 'unreachable':
        return options.onTrouble({ kind: 'network', status: 0 })
      case 'elsewhere': {
        tunedIn = undefined
        const again = performance.now() - elsewhereAt < ELSEWHERE_MS
        elsewhereAt = performance.now()
        if (again) standardUntil = performance.now() + returnMs
        return options.onTrouble({ kind: 'change' })
      }
      case 'bursts':
      case 'broken':
        standardUntil = performance.now() + returnMs
        returnMs = Math.min(LAST_RETURN_MS, returnMs * 2)
        return options.onTrouble({ kind: 'change' })
    }
  }

  const openStandard = (options: SoundOptions): Sound => {
    const sound = openHls(options)
    const back = setTimeout(() => options.onTrouble({ kind: 'change' }), standardUntil - performance.now())
    return {
      ...sound,
      close() {
        clearTimeout(back)
        sound.close()
      },
    }
  }

  return (options) => {
    const standard = performance.now() < standardUntil
    const sound = standard
      ? openStandard(options)
      : openGrowing({ ...options, tunedIn, onFault: (fault) => faulted(fault, options) })
    tunedIn = undefined // The clock it was computed with is of that moment; the next one asks again.
    return governed(sound, options.audio)
  }
}
