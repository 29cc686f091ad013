import type { Sound } from '@odeon/common/internal.ts'
import type { Refusal } from './intake.ts'
import type { MediaPacket } from './rtp.ts'

/** One speaker's WebRTC connection. */
export interface Peer {
  readonly answer: string
  /** False for a `sendonly` offer (OBS, ffmpeg): nothing is sent to it. */
  readonly hears: boolean
  /** When the last datagram came (`performance.now()`) that proves the other end alive: RTP, or a STUN check of its consent (RFC 7675). */
  readonly heardAt: number
  /** Sends the next 20 ms. A no-op until connected and after the end. */
  send(opus: Uint8Array): void
  /** Takes trickled candidates. Throws `bad_candidate` (400), or `ice_restart_unsupported` (422) for new credentials. */
  trickle(fragment: string): Promise<void>
  close(): Promise<void>
}

/** A STUN or TURN server, as in `RTCIceServer`. */
export interface IceServer {
  urls: string
  username?: string
  credential?: string
}

export interface PeerSettings {
  iceServers: IceServer[]
  /** Addresses to offer beside those of the network interfaces, e.g. the public one. */
  addresses: string[]
  /** UDP ports for this peer, both inclusive; any if undefined. */
  ports: [number, number] | undefined
  /** Called once the connection is closed and its ports are free. */
  release(): void
}

export interface PeerOptions {
  sdp: string
  /** What the speaker's encoder is asked for; a voice if left out. */
  sound?: Sound | undefined
  /** Asked for once the offer has been looked at. */
  settings(): PeerSettings
  /** `at`: when it came (`performance.now()`). */
  onPacket(packet: MediaPacket, at: number): void
  /** So many datagrams were dropped. */
  onRefused(why: Refusal, count: number): void
  /** The connection has ended by itself. */
  onGone(): void
}

/** Answers an offer. Throws what `checkOffer` throws, and `bad_sdp` (400) for one that can't be made sense of. */
export type OpenPeer = (options: PeerOptions) => Promise<Peer>
