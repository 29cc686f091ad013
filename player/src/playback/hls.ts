import type { Rendition } from '@odeon/common/rendition.ts'
import type { HlsConfig, LevelDetails, LoaderResponse, LoadPolicy, RetryConfig } from 'hls.js'
// The light build has all that we need: one audio rendition, low latency, emsg.
import Hls, { ErrorDetails, ErrorTypes, Events } from 'hls.js/light'
import { eventsOf } from './chunk-events.ts'
import { fragmentLoader, pinnedLoader, playlistLoader, type Source } from './growing/loaders.ts'
import { movingLoader } from './moving-loader.ts'
import { pageOrigins } from './origins.ts'
import type { Sound, SoundOptions, Trouble } from './sound.ts'

/** hls.js, which this file alone knows. */

export const hlsIsSupported = (): boolean => Hls.isSupported()

/** "Carriage of ID3 Timed Metadata in CMAF", AOM. */
const EMSG_ID3 = 'https://aomedia.org/emsg/ID3'

/** hls.js takes a refused connection for CORS and gives up; here it is a server that restarts. */
const alsoRefused: RetryConfig['shouldRetry'] = (config, count, _timeout, response, retry) =>
  retry || (response?.code === 0 && count < (config?.maxNumRetry ?? 0))

/** Short interruptions are bridged here, so that buffer and timeline survive; for longer ones a new Hls is made. */
const patient = (most: number): LoadPolicy => {
  const retry = { maxNumRetry: most, retryDelayMs: 250, maxRetryDelayMs: 1000, shouldRetry: alsoRefused }
  return {
    default: {
      maxTimeToFirstByteMs: 9000, // A blocking request waits at the server for up to three target durations.
      maxLoadTimeMs: 20_000,
      timeoutRetry: retry,
      errorRetry: retry,
    },
  }
}

const COMMON: Partial<HlsConfig> = {
  enableWorker: false, // Nothing to transmux: CMAF goes to the browser as it is.
  // We take the events as they are parsed. A text track for them would begin with a data: URL, which our policy forbids.
  enableEmsgMetadataCues: false,
  enableID3MetadataCues: false,
  enableDateRangeMetadataCues: false,
  manifestLoadPolicy: patient(0), // Asked for by a new Hls alone, and whoever makes those pauses in between.
  playlistLoadPolicy: patient(16),
  fragLoadPolicy: patient(6),
}

const LIVE: Partial<HlsConfig> = {
  ...COMMON,
  lowLatencyMode: true,
  liveSyncMode: 'buffered',
  maxLiveSyncPlaybackRate: 1, // The governor sees to the rate.
  liveSyncOnStallIncrease: 0.2,
  liveDurationInfinity: true,
  backBufferLength: Infinity, // Trimmed by `trimBackBuffer`.
}

const REPLAY: Partial<HlsConfig> = { ...COMMON, lowLatencyMode: false, backBufferLength: 60 }

/** Where playlists and chunks come from, if not simply from the network: that, of one rendition alone, or a window. */
export type Way = { rendition: Rendition } | { source: Source }

export function openHls(options: SoundOptions, way?: Way): Sound {
  const { audio, kind, startAt, onEvents, onTrouble, onAnswer } = options
  const hls = new Hls({
    loader: networkLoader(),
    ...(kind === 'live' ? LIVE : REPLAY),
    ...(way && loadersFor(way)),
    ...(startAt !== undefined && { startPosition: startAt }),
  })
  let details: LevelDetails | undefined

  hls.on(Events.FRAG_PARSING_METADATA, (_event, { samples }) => {
    for (const { type, data } of samples) {
      const events = (type as string) === EMSG_ID3 ? eventsOf(data) : undefined
      if (events) onEvents(events)
    }
  })
  if (kind === 'live') {
    let buffer: SourceBuffer | undefined
    hls.on(Events.BUFFER_CREATED, (_event, { tracks }) => (buffer = tracks.audio?.buffer))
    // Behind hls.js's own queue, which goes on with the next chunk, if it has one, before this.
    hls.on(Events.BUFFER_APPENDED, () => setTimeout(() => buffer && trimBackBuffer(buffer, audio)))
  }
  // Our listeners come after hls.js's own: what it has to note of the part, it has noted.
  if (way && 'source' in way) hls.on(Events.FRAG_BUFFERED, () => way.source.pace.partTaken())
  hls.on(Events.LEVEL_UPDATED, (_event, updated) => (details = updated.details))
  hls.on(Events.LEVEL_LOADED, onAnswer)
  hls.on(Events.FRAG_LOADED, onAnswer)
  hls.on(Events.ERROR, (_event, { fatal, type, details: what, response }) => {
    if (response?.code) onAnswer()
    // hls.js asks many times for a playlist that is gone, having no other to turn to.
    const gone = what === ErrorDetails.LEVEL_LOAD_ERROR && isRefusal(response?.code ?? 0)
    if (fatal || gone) onTrouble(troubleOf(type, response))
  })
  audio.disableRemotePlayback = true // Without it Safari's ManagedMediaSource does not open.
  hls.loadSource(options.url)
  hls.attachMedia(audio)

  return {
    playingDate: () => hls.playingDate?.getTime() ?? null,
    livePosition: () => hls.liveSyncPosition,
    ahead: () =>
      kind === 'live'
        ? details
          ? details.edge - audio.currentTime
          : 0
        : (hls.mainForwardBufferInfo?.len ?? 0),
    complete: () => details?.live === false,
    recoverMedia: () => hls.recoverMediaError(),
    close: () => hls.destroy(),
  }
}

const networkLoader = (): HlsConfig['loader'] =>
  movingLoader(Hls.DefaultConfig.loader, pageOrigins()) as unknown as HlsConfig['loader']

function loadersFor(way: Way): Partial<HlsConfig> {
  const loader = networkLoader()
  type Loaders = Required<Pick<HlsConfig, 'pLoader' | 'fLoader'>>
  const playlists = 'source' in way ? playlistLoader(loader, way.source) : pinnedLoader(loader, way.rendition)
  return {
    pLoader: playlists as unknown as NonNullable<Loaders['pLoader']>,
    ...('source' in way && {
      fLoader: fragmentLoader(loader, way.source) as unknown as NonNullable<Loaders['fLoader']>,
    }),
  }
}

const isRefusal = (status: number): boolean => status >= 400 && status < 500

const BACK_BUFFER = 30
const TRIM_BEYOND = 60

/**
 * Lets go of what was heard long ago, between two chunks. Not by way of hls.js, which would forget the parts of the segment that is being loaded
 * (1.7.4) and then look for them: the sound would stop.
 */
function trimBackBuffer(buffer: SourceBuffer, { currentTime, error }: HTMLAudioElement): void {
  try {
    const { buffered, updating } = buffer // Throws once the buffer is another's past.
    if (updating || error || buffered.length === 0 || currentTime - buffered.start(0) < TRIM_BEYOND) return
    buffer.remove(0, currentTime - BACK_BUFFER)
  } catch {
    // A new source, which begins with an empty buffer.
  }
}

function troubleOf(type: ErrorTypes, response: LoaderResponse | undefined): Trouble {
  switch (type) {
    case ErrorTypes.NETWORK_ERROR:
      return { kind: 'network', status: response?.code ?? 0 }
    case ErrorTypes.MEDIA_ERROR:
      return { kind: 'media' }
    default:
      return { kind: 'other' }
  }
}
