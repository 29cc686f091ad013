import { OPUS, type Rendition } from '@odeon/common/rendition.ts'
import { askServerClock } from './clock.ts'
import { opusFailed } from './data-saver.ts'
import { governed } from './governed.ts'
import type { Fault } from './growing/follower.ts'
import type { TunedIn } from './growing/sound.ts'
import { pageOrigins } from './origins.ts'
import { loadSound, type OpenSound, type Sound, type SoundOptions } from './sound.ts'
import { Ways } from './ways.ts'

/**
 * The two ways to listen. Growing segments are the short one; where they don't get through as they grow, standard LL-HLS is taken, and the
 * short way tried again later. A browser without hls.js plays by itself.
 */

export interface LiveSoundOptions {
  /** `/live/{id}/index.m3u8` */
  url: string
  /** Asked at each press, and after each interruption. */
  rendition: () => Rendition
  /** Aborts what is fetched ahead of the press. */
  signal: AbortSignal
}

/** Loads the code and what can be known before the press; the opener plays at once. Null where nothing can play HLS. */
export async function loadLiveSound({ url, rendition, signal }: LiveSoundOptions): Promise<OpenSound | null> {
  const [{ hlsIsSupported, openHls }, { baseOf, openGrowing, tuneIn }] = await Promise.all([
    import('./hls.ts'),
    import('./growing/sound.ts'),
  ])
  if (!hlsIsSupported()) return loadSound()
  let tunedIn: TunedIn | undefined
  const ways = new Ways()

  const prepare = async (): Promise<void> => {
    const pinned = rendition()
    const base = baseOf(url, pinned)
    const [there, init, offset] = await Promise.all([
      tuneIn(base, signal),
      pageOrigins()
        .fetch(`${base}init.mp4`, { signal })
        .then((response) => response.arrayBuffer()),
      askServerClock(signal),
    ])
    if (there.ended) return
    const { startedAt, roundTripMs } = there
    tunedIn = { rendition: pinned, startedAt, roundTripMs, init, offset }
  }
  prepare().catch(() => {}) // Without it the press asks.

  const faulted = (fault: Fault, options: SoundOptions): void => {
    if (fault.kind === 'elsewhere') tunedIn = undefined
    options.onTrouble(ways.faulted(fault, performance.now()))
  }

  const openStandard = (options: SoundOptions, pinned: Rendition, forMs: number): Sound => {
    const sound = openHls(options, { rendition: pinned })
    const back = setTimeout(() => options.onTrouble({ kind: 'change' }), forMs)
    return {
      ...sound,
      close() {
        clearTimeout(back)
        sound.close()
      },
    }
  }

  return (asked) => {
    const pinned = rendition()
    const options: SoundOptions = {
      ...asked,
      onTrouble(trouble) {
        if (trouble.kind === 'media' && pinned === OPUS) opusFailed()
        asked.onTrouble(trouble)
      },
    }
    const standardMs = ways.standardFor(performance.now())
    const sound =
      standardMs > 0
        ? openStandard(options, pinned, standardMs)
        : openGrowing({
            ...options,
            rendition: pinned,
            tunedIn,
            onFault: (fault) => faulted(fault, options),
          })
    tunedIn = undefined // The clock it was computed with is of that moment; the next one asks again.
    return governed(sound, options.audio)
  }
}
