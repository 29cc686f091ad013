import { AppError } from '@odeon/common/errors.ts'
import { MAX_SDP_BYTES } from '@odeon/common/internal.ts'

/** What an offer must hold before a peer connection is made for it. RFC 9725 §4.2, RFC 8829. */

const bad = (message: string): AppError => new AppError(400, 'bad_sdp', message)
const unusable = (code: string, message: string): AppError => new AppError(422, code, message)

/** Throws `bad_sdp` (400) for what is no WebRTC offer, `no_audio` or `no_opus` (422) for one that can't be served. */
export function checkOffer(sdp: string): void {
  if (Buffer.byteLength(sdp) > MAX_SDP_BYTES)
    throw new AppError(413, 'sdp_too_large', `The offer is larger than ${MAX_SDP_BYTES} bytes.`)
  const lines = sdp.split(/\r?\n/)
  if (lines[0] !== 'v=0') throw bad('The body is not SDP: it must begin with the line v=0.')
  const sections = mediaSections(lines)
  if (sections.length > 8) throw bad(`The offer has ${sections.length} media sections; 8 are read at most.`)
  const audio = sections.filter((section) => section[0]!.startsWith('m=audio '))
  if (audio.length === 0) throw unusable('no_audio', 'The offer has no audio. Odeon takes one audio line.')
  const first = audio[0]!
  if (!first.some((line) => /^a=rtpmap:\d{1,3} opus\/48000(\/2)?$/i.test(line)))
    throw unusable('no_opus', 'The audio of the offer does not include Opus (rtpmap opus/48000/2).')
  if (!/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF? /.test(first[0]!))
    throw unusable('no_dtls', 'The audio of the offer is not WebRTC: the profile must be UDP/TLS/RTP/SAVPF.')
  const session = lines.slice(0, lines.indexOf(first[0]!))
  const attributes = [...session, ...first]
  for (const { name, form } of TRANSPORT) {
    const line = attributes.find((attribute) => attribute.startsWith(`a=${name}:`))
    if (!line) throw bad(`The offer lacks a=${name}, which WebRTC needs.`)
    if (!form.test(line.slice(name.length + 3))) throw bad(`The offer's a=${name} is malformed.`)
  }
}

/** RFC 8839 §5.4 and RFC 8122 §5. */
const TRANSPORT = [
  { name: 'ice-ufrag', form: /^[A-Za-z0-9+/]{4,256}$/ },
  { name: 'ice-pwd', form: /^[A-Za-z0-9+/]{22,256}$/ },
  { name: 'fingerprint', form: /^sha-(256|384|512) [0-9A-F]{2}(:[0-9A-F]{2})+$/i },
]

/** True when the offerer wants to hear the others too (`sendrecv`); `sendonly` does not. */
export function wantsSound(sdp: string): boolean {
  return !audioOf(sdp)?.includes('a=sendonly')
}

/** The stream that the offerer is going to send, if he says so (RFC 5576 §4.1). */
export function ssrcOf(sdp: string): number | undefined {
  const line = audioOf(sdp)?.find((line) => /^a=ssrc:\d{1,10} /.test(line))
  return line === undefined ? undefined : parseInt(line.slice('a=ssrc:'.length), 10)
}

/** A browser sends redundant audio (RFC 2198) only if the answer names it first. */
export function preferringRed(answer: string): string {
  const type = /^a=rtpmap:(\d+) red\/48000\/2\s*$/im.exec(answer)?.[1]
  if (type === undefined) return answer
  return answer.replace(/^(m=audio \S+ \S+)((?: \d+)+)/m, (_line, start: string, types: string) =>
    [
      start,
      type,
      ...types
        .trim()
        .split(' ')
        .filter((other) => other !== type),
    ].join(' '),
  )
}

const audioOf = (sdp: string): string[] | undefined =>
  mediaSections(sdp.split(/\r?\n/)).find((section) => section[0]!.startsWith('m=audio '))

function mediaSections(lines: string[]): string[][] {
  const sections: string[][] = []
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([line])
    else sections.at(-1)?.push(line)
  }
  return sections
}

/** The candidates of a trickle fragment (RFC 8840 §4), without their `a=`. `ufrag`: the ICE generation they belong to. */
export function readFragment(fragment: string): { candidates: string[]; ufrag: string | undefined } {
  const lines = fragment.split(/\r?\n/)
  return {
    candidates: lines
      .filter((line) => line.startsWith('a=candidate:'))
      .slice(0, 64)
      .map((line) => line.slice(2)),
    ufrag: lines.find((line) => line.startsWith('a=ice-ufrag:'))?.slice('a=ice-ufrag:'.length),
  }
}

/** The ICE user fragment of an offer's audio. */
export const ufragOf = (sdp: string): string | undefined => /^a=ice-ufrag:(.+)$/m.exec(sdp)?.[1]?.trim()
