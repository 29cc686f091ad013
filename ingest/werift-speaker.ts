import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  type RTCTrackEvent,
} from 'werift'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'

/** A WHIP client without a browser, for tests and benches: it speaks Opus packets and hands out those that come back. */
export interface WhipSpeaker {
  /** Sends one packet of 20 ms; the caller keeps the time. `skip`: frames left out before it (DTX). */
  send(opus: Uint8Array, skip?: number): void
  /** DELETEs the session and closes the connection. */
  close(): Promise<void>
  /** Falls silent without a word, like a machine that lost its network. */
  vanish(): Promise<void>
}

export interface SpeakerOptions {
  /** Posts the offer, answers the SDP and the function that ends the session. */
  post(offer: string): Promise<{ answer: string; remove(): Promise<void> }>
  onPacket?(packet: { opus: Uint8Array; timestamp: number; sequence: number }): void
  direction?: 'sendrecv' | 'sendonly'
}

/** Resolves when the connection is made; rejects when it fails or is refused. */
export async function connectSpeaker(options: SpeakerOptions): Promise<WhipSpeaker> {
  const connection = new RTCPeerConnection({
    codecs: {
      audio: [
        new RTCRtpCodecParameters({
          mimeType: 'audio/opus',
          clockRate: 48_000,
          channels: 2,
          payloadType: 111,
          parameters: 'minptime=10;useinbandfec=1',
        }),
      ],
      video: [],
    },
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceUseTcp: false,
  })
  const track = new MediaStreamTrack({ kind: 'audio' })
  connection.addTransceiver(track, { direction: options.direction ?? 'sendrecv' })
  connection.ontrack = ({ track: incoming }: RTCTrackEvent) => {
    incoming.onReceiveRtp.subscribe(({ header, payload }) => {
      options.onPacket?.({ opus: payload, timestamp: header.timestamp, sequence: header.sequenceNumber })
    })
  }
  const connected = new Promise<void>((resolve, reject) => {
    connection.connectionStateChange.subscribe((state) => {
      if (state === 'connected') resolve()
      else if (state === 'failed') reject(new Error('the connection failed'))
    })
  })
  connected.catch(() => {}) // Awaited below, unless the offer is refused first.
  let remove: () => Promise<void>
  try {
    await connection.setLocalDescription(await connection.createOffer())
    const posted = await options.post(connection.localDescription!.sdp)
    remove = posted.remove
    await connection.setRemoteDescription({ type: 'answer', sdp: posted.answer })
    await connected
  } catch (error) {
    await connection.close()
    throw error
  }
  let sequence = 65_500 // Wraps soon: a receiver must not mind.
  let timestamp = 4_294_900_000
  return {
    send(opus, skip = 0) {
      sequence = (sequence + 1) & 0xffff
      timestamp = (timestamp + FRAME_SAMPLES * (skip + 1)) >>> 0
      const header = new RtpHeader({ payloadType: 111, sequenceNumber: sequence, timestamp, ssrc: 1234 })
      track.writeRtp(new RtpPacket(header, Buffer.from(opus)))
    },
    async close() {
      await remove()
      await connection.close()
    },
    vanish: () => connection.close(),
  }
}
