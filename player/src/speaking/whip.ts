import type { Sound } from '@odeon/common/internal.ts'
import { request } from '../api/http.ts'
import { onAwakening } from '../playback/backoff.ts'
import { iceServersOf } from './ice.ts'
import { withOpusParameters } from './sdp.ts'

/** One connection to the stage: WHIP, RFC 9725, without trickling. The sound of the others comes back on the same line. */
export interface Call {
  /** Resolves when the connection is lost or was hung up. */
  readonly ended: Promise<void>
  /** Ends `ended`; the next call takes the place. */
  drop(): void
  /** Leaves the stage. */
  hangUp(): void
  replaceTrack(track: MediaStreamTrack): Promise<void>
}

export interface CallOptions {
  spaceId: string
  token: string
  track: MediaStreamTrack
  sound: Sound
  /** Made ready for somebody whose hand is up: unheard, and with no sound back, until he is let on. Then it is live, as it is. */
  ready: boolean
  /** What the others say. */
  onSound(stream: MediaStream): void
  /** It is heard now: the first of it has arrived. */
  onMix(): void
  signal: AbortSignal
}

const GATHER_MS = 1000
const CONNECT_MS = 10_000
/** Lost for so long is gone; ICE often finds its way back sooner. */
const LOST_MS = 3000
/** The stage sends fifty packets a second to everyone. So many looks in a row without one, and it is gone; ICE says so after eight seconds only. */
const SILENT_LOOKS = 5
const LOOK_MS = 400
const MIX_LOOK_MS = 20

/** Dials. Resolves when connected; throws ApiError for what the server says, Error when no connection is made in time. */
export async function dial(options: CallOptions): Promise<Call> {
  const { spaceId, token, track, sound, ready, onSound, onMix, signal } = options
  const connection = new RTCPeerConnection({ iceServers: await askIceServers(spaceId, token, signal) })
  const over = new AbortController()
  const drop = (): void => {
    connection.close() // Fires nothing.
    over.abort()
  }
  signal.addEventListener('abort', drop, { signal: over.signal })
  try {
    const { sender, receiver } = connection.addTransceiver(track, { direction: 'sendrecv' })
    connection.addEventListener('track', (event) => onSound(new MediaStream([event.track])))
    await connection.setLocalDescription(await connection.createOffer())
    await gathered(connection, over.signal)
    const response = await request(`${endpoint(spaceId)}?sound=${sound}${ready ? '&ready=1' : ''}`, {
      method: 'POST',
      type: 'application/sdp',
      body: withOpusParameters(connection.localDescription!.sdp, sound),
      token,
      signal: over.signal,
    })
    const session = response.headers.get('location')
    const leave = (): void => {
      if (session) request(session, { method: 'DELETE', token, keepalive: true }).catch(() => {})
    }
    try {
      const answer = withOpusParameters(await response.text(), sound)
      await connection.setRemoteDescription({ type: 'answer', sdp: answer })
      await connected(connection, over.signal)
    } catch (error) {
      leave()
      throw error
    }
    awaitMix(receiver, onMix, over.signal)
    return {
      ended: lost(connection, over),
      drop,
      hangUp() {
        drop()
        leave()
      },
      replaceTrack: (next) => sender.replaceTrack(next),
    }
  } catch (error) {
    drop()
    throw error
  }
}

const endpoint = (spaceId: string): string => `/api/spaces/${encodeURIComponent(spaceId)}/whip`

/** Asked before there is an offer, which shall hold the relayed candidates. Whoever can't be told goes without. */
async function askIceServers(spaceId: string, token: string, signal: AbortSignal): Promise<RTCIceServer[]> {
  try {
    const response = await request(endpoint(spaceId), { method: 'OPTIONS', token, signal, timeoutMs: 2000 })
    return iceServersOf(response.headers.get('link'))
  } catch {
    return []
  }
}

/** All candidates are in the local description, or enough time for them has passed. */
function gathered(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return until(connection, 'icegatheringstatechange', GATHER_MS, signal, () =>
    connection.iceGatheringState === 'complete' ? 'yes' : 'wait',
  ).catch(() => {})
}

function connected(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return until(connection, 'connectionstatechange', CONNECT_MS, signal, () => {
    switch (connection.connectionState) {
      case 'connected':
        return 'yes'
      case 'failed':
      case 'closed':
        return 'no'
      default:
        return 'wait'
    }
  })
}

/** Rejects when `check` says no, after `ms`, and when aborted. */
function until(
  connection: RTCPeerConnection,
  type: string,
  ms: number,
  signal: AbortSignal,
  check: () => 'yes' | 'no' | 'wait',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = new AbortController()
    const end = (error?: Error): void => {
      clearTimeout(timer)
      done.abort()
      if (error) reject(error)
      else resolve()
    }
    const look = (): void => {
      const answer = signal.aborted ? 'no' : check()
      if (answer === 'yes') end()
      else if (answer === 'no') end(new Error(`No connection to the stage: ${connection.connectionState}.`))
    }
    const timer = setTimeout(() => end(new Error(`No ${type} within ${ms} ms.`)), ms)
    connection.addEventListener(type, look, { signal: done.signal })
    signal.addEventListener('abort', look, { signal: done.signal })
    look()
  })
}

/** Resolves when the connection has failed, brought nothing for two seconds, was lost for three or more, or is lost when the network returns. */
async function lost(connection: RTCPeerConnection, over: AbortController): Promise<void> {
  const { signal } = over
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = (): void => {
    connection.close()
    over.abort()
  }
  connection.addEventListener(
    'connectionstatechange',
    () => {
      clearTimeout(timer)
      if (connection.connectionState === 'disconnected') timer = setTimeout(end, LOST_MS)
      else if (connection.connectionState === 'failed' || connection.connectionState === 'closed') end()
    },
    { signal },
  )
  onAwakening(() => {
    if (connection.connectionState !== 'connected') end()
  }, signal)
  const looking = watchPackets(connection, end)
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearTimeout(timer)
  clearInterval(looking)
}

/** A look at the receiver costs nothing; an event for its first packet is not in every browser. */
function awaitMix(receiver: RTCRtpReceiver, onMix: () => void, signal: AbortSignal): void {
  const timer = setInterval(() => {
    if (receiver.getSynchronizationSources().length === 0) return
    clearInterval(timer)
    onMix()
  }, MIX_LOOK_MS)
  signal.addEventListener('abort', () => clearInterval(timer))
}

/** Looks are counted, not milliseconds: a page that was asleep has missed nothing. */
function watchPackets(connection: RTCPeerConnection, onSilence: () => void): ReturnType<typeof setInterval> {
  let before = 0
  let silent = 0
  const look = async (): Promise<void> => {
    const received = await packetsReceived(connection)
    silent = received > 0 && received === before ? silent + 1 : 0
    before = received
    if (silent >= SILENT_LOOKS) onSilence()
  }
  return setInterval(() => void look().catch(() => {}), LOOK_MS) // Who closed it needs no count.
}

async function packetsReceived(connection: RTCPeerConnection): Promise<number> {
  let sum = 0
  for (const report of (await connection.getStats()).values() as Iterable<{
    type: string
    packetsReceived?: number
  }>)
    if (report.type === 'inbound-rtp') sum += report.packetsReceived ?? 0
  return sum
}
