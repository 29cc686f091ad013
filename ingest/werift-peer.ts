import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  type RTCDtlsTransport,
  type RTCRtpReceiver,
  type RTCRtpSender,
} from 'werift'
import { randomInt } from 'node:crypto'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { Sound } from '@odeon/common/internal.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { payloadTypesOf, takeIn, type PayloadTypes } from './intake.ts'
import { TokenBucket } from '@odeon/common/token-bucket.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { checkOffer, preferringRed, readFragment, ssrcOf, ufragOf, wantsSound } from './sdp.ts'

/**
 * werift reads a header bit by bit, by way of strings and arrays, and each one twice: a fifth of all that an ingest node throws away. The header
 * that nearly every packet has (RFC 3550 §5.1, no list of sources, no extension) is read here; any other goes its way.
 */
const bitByBit = RtpHeader.deSerialize.bind(RtpHeader)
RtpHeader.deSerialize = (packet) => {
  if (packet.length < 12 || (packet[0]! & 0x1f) !== 0) return bitByBit(packet)
  const header = new RtpHeader()
  header.version = packet[0]! >> 6
  header.padding = (packet[0]! & 0x20) !== 0
  header.marker = (packet[1]! & 0x80) !== 0
  header.payloadType = packet[1]! & 0x7f
  header.sequenceNumber = packet.readUInt16BE(2)
  header.timestamp = packet.readUInt32BE(4)
  header.ssrc = packet.readUInt32BE(8)
  header.payloadOffset = 12
  if (header.padding) header.paddingSize = packet[packet.length - 1]!
  return header
}

/** What the speaker's encoder is asked for, RFC 7587 §6.1. */
const OPUS: Record<Sound, string> = {
  voice: 'minptime=10;useinbandfec=1;usedtx=1;stereo=0;sprop-stereo=0;maxaveragebitrate=48000',
  music: 'minptime=10;useinbandfec=1;usedtx=0;stereo=1;sprop-stereo=0;maxaveragebitrate=128000',
}

function codecsFor({ opus, red }: PayloadTypes, sound: Sound): RTCRtpCodecParameters[] {
  const common = { clockRate: 48_000, channels: 2 } // RFC 7587 §7: always 2 in the rtpmap; the fmtp says what is sent.
  const codecs = [
    new RTCRtpCodecParameters({
      ...common,
      mimeType: 'audio/opus',
      payloadType: opus,
      parameters: OPUS[sound],
    }),
  ]
  // Twice the bits of a voice are little, twice those of music are not (docs/decisions/0006).
  if (red !== undefined && sound === 'voice')
    codecs.push(
      new RTCRtpCodecParameters({
        ...common,
        mimeType: 'audio/red',
        payloadType: red,
        parameters: `${opus}/${opus}`,
      }),
    )
  return codecs
}

/** A packet each 2.5 ms is the shortest that Opus can mean; what a network had held up for half a second comes at once. */
const FLOOD = { perSecond: 400, burst: 200 }
/** Reports (RTCP), a stream that begins, and what was never this speaker's: anyone may send to a port. */
const STRANGERS = { perSecond: 100, burst: 50 }

/** Drops and counts what is too much before it costs a decryption, and what can't be decrypted. Who fakes a speaker's packets doesn't starve him. */
function guard(
  transport: RTCDtlsTransport,
  announced: number | undefined,
  onRefused: PeerOptions['onRefused'],
): void {
  const own = new TokenBucket(FLOOD)
  const strangers = new TokenBucket(STRANGERS)
  let ssrc = announced // Or of the last packet that was authentic.
  let read = 0
  transport.onRtp.subscribe(({ header }) => {
    ssrc = header.ssrc
    read++
  })
  transport.onRtcp.subscribe(() => void read++)
  const arrivals = transport.iceTransport.connection.onData
  const pass = arrivals.execute
  arrivals.execute = (data) => {
    if (!isMedia(data)) return pass(data)
    const bucket = data.length >= 12 && data.readUInt32BE(8) === ssrc ? own : strangers
    if (!bucket.take(performance.now())) return onRefused('flood', 1)
    const before = read
    try {
      pass(data)
    } finally {
      if (read === before && transport.state === 'connected') onRefused('unauthentic', 1)
    }
  }
}

/** What the receiver's reports (RFC 3550 §6.4.2) say is counted as before; the copy of each packet that werift makes for a track nobody reads is not made. */
function countOnly(receiver: RTCRtpReceiver): void {
  const first = receiver.handleRtpBySsrc
  receiver.handleRtpBySsrc = (packet, extensions) => {
    const stream = receiver['remoteStreams'][packet.header.ssrc]
    if (stream) stream.add(packet)
    else first(packet, extensions)
  }
}

/** RFC 7983 §7. */
const isMedia = (data: Uint8Array): boolean => data[0]! >= 128 && data[0]! < 192

/** A connection made by werift. The only file that knows it. */
export async function openPeer(options: PeerOptions): Promise<Peer> {
  checkOffer(options.sdp)
  const settings = options.settings()
  let heardAt = performance.now()
  let connected = false
  let gone = false
  const connection = new RTCPeerConnection({
    codecs: { audio: codecsFor(payloadTypesOf(options.sdp), options.sound ?? 'voice'), video: [] },
    headerExtensions: { audio: [], video: [] },
    iceServers: settings.iceServers, // Never werift's default, a public STUN server.
    iceAdditionalHostAddresses: settings.addresses,
    icePortRange: settings.ports,
    iceUseTcp: false,
    iceFilterStunResponse: () => {
      heardAt = performance.now()
      return true
    },
  })
  const end = (): void => {
    if (gone) return
    gone = true
    options.onGone()
  }
  connection.connectionStateChange.subscribe((state) => {
    connected = state === 'connected'
    if (state === 'failed' || state === 'closed') end()
  })

  const hears = wantsSound(options.sdp)
  const track = new MediaStreamTrack({ kind: 'audio' })
  let sender: RTCRtpSender
  let answer: string
  try {
    await connection.setRemoteDescription({ type: 'offer', sdp: options.sdp })
    const transceiver = connection.getTransceivers().find(({ kind }) => kind === 'audio')
    if (!transceiver) throw new Error('no audio line was accepted')
    transceiver.setDirection(hears ? 'sendrecv' : 'recvonly')
    sender = transceiver.sender
    countOnly(transceiver.receiver)
    if (hears) await sender.replaceTrack(track)
    await connection.setLocalDescription(await connection.createAnswer())
    answer = preferringRed(connection.localDescription!.sdp)
  } catch (cause) {
    gone = true
    await connection.close().finally(() => settings.release())
    throw new AppError(400, 'bad_sdp', `The offer could not be answered: ${messageOf(cause)}.`, { cause })
  }

  const types = payloadTypesOf(answer)
  const transport = sender.dtlsTransport
  // Not through werift's tracks: they know no stream that the offer doesn't name, and say nothing of what they drop.
  transport.onRtp.subscribe(({ header, payload }) => {
    heardAt = performance.now()
    const taken = takeIn(header, payload, types)
    if (typeof taken === 'string') options.onRefused(taken, 1)
    else options.onPacket(taken, heardAt)
  })
  guard(transport, ssrcOf(options.sdp), options.onRefused)

  const header = new RtpHeader({
    payloadType: types.opus,
    sequenceNumber: randomInt(2 ** 16),
    timestamp: randomInt(2 ** 32),
    ssrc: sender.ssrc,
  })
  let closing: Promise<void> | undefined
  return {
    answer,
    hears,
    get heardAt() {
      return heardAt
    },
    send(packet) {
      header.sequenceNumber = (header.sequenceNumber + 1) & 0xffff
      header.timestamp = (header.timestamp + FRAME_SAMPLES) >>> 0
      if (!connected || !hears) return
      const payload = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
      // The whole way through werift's track and sender costs several times the encryption. One packet a second takes it: the sender reports
      // (RFC 3550 §6.4.1) say the time of that one.
      if (header.sequenceNumber % 50 === 0) track.writeRtp(new RtpPacket(header, payload))
      else void transport.sendRtp(payload, header) // It never rejects.
    },
    async trickle(fragment) {
      const { candidates, ufrag } = readFragment(fragment)
      if (ufrag !== undefined && ufrag !== ufragOf(options.sdp))
        throw new AppError(
          422,
          'ice_restart_unsupported',
          'ICE restarts are not supported: make a new session.',
        )
      try {
        for (const candidate of candidates) await connection.addIceCandidate({ candidate, sdpMLineIndex: 0 })
      } catch (cause) {
        throw new AppError(400, 'bad_candidate', `A candidate could not be read: ${messageOf(cause)}.`, {
          cause,
        })
      }
    },
    close() {
      gone = true
      return (closing ??= connection.close().finally(() => settings.release()))
    },
  }
}
