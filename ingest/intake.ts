import { parseRed } from './red.ts'
import type { MediaPacket } from './rtp.ts'

/** Why a datagram of a speaker was not used. */
export type Refusal =
  | 'flood' // More than a speaker ever sends.
  | 'unauthentic' // SRTP or SRTCP that can't be decrypted, or is no RTP inside.
  | 'payload_type' // Not agreed on.
  | 'unread' // The beat has stood still for seconds.
  | 'red' // Redundant audio (RFC 2198) that is malformed.

/** The payload types that were agreed on. */
export interface PayloadTypes {
  opus: number
  red: number | undefined
}

/** Reads the answer that was given. */
export function payloadTypesOf(sdp: string): PayloadTypes {
  const typeOf = (codec: string): number | undefined => {
    const found = new RegExp(`^a=rtpmap:(\\d+) ${codec}/48000/2\\s*$`, 'im').exec(sdp)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  return { opus: typeOf('opus') ?? 111, red: typeOf('red') }
}

export interface RtpFields {
  ssrc: number
  sequenceNumber: number
  timestamp: number
  payloadType: number
}

/** An RTP packet as the mixer wants it, or why not. */
export function takeIn(header: RtpFields, payload: Uint8Array, types: PayloadTypes): MediaPacket | Refusal {
  const packet = { ssrc: header.ssrc, sequence: header.sequenceNumber, timestamp: header.timestamp }
  if (header.payloadType === types.opus) return { ...packet, payload }
  if (header.payloadType !== types.red) return 'payload_type'
  const red = parseRed(payload, types.opus)
  return red ? { ...packet, ...red } : 'red'
}
