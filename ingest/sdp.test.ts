import { expect, test } from 'vitest'
import { AppError } from '@odeon/common/errors.ts'
import { checkOffer, preferringRed, readFragment, ssrcOf, wantsSound } from './sdp.ts'

const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=sendrecv', 'a=rtpmap:111 opus/48000/2']
const transport = ['a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901', 'a=fingerprint:sha-256 00:11']
const sdp = (...lines: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', ...lines].join('\r\n')
const codeOf = (offer: string): string => {
  try {
    checkOffer(offer)
    return 'accepted'
  } catch (error) {
    return error instanceof AppError ? `${error.status} ${error.code}` : 'threw'
  }
}

test.each([
  ['an offer of a browser', sdp(...audio, ...transport), 'accepted'],
  [
    'audio beside video',
    sdp(...audio, ...transport, 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1'),
    'accepted',
  ],
  ['transport attributes for the whole session', sdp(...transport, ...audio), 'accepted'],
  ['what is no SDP', 'hello', '400 bad_sdp'],
  ['an empty body', '', '400 bad_sdp'],
  ['an offer without audio', sdp('m=video 9 UDP/TLS/RTP/SAVPF 96', ...transport), '422 no_audio'],
  [
    'audio without Opus',
    sdp('m=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=rtpmap:0 PCMU/8000', ...transport),
    '422 no_opus',
  ],
  ['plain RTP', sdp('m=audio 9 RTP/AVP 111', ...audio.slice(1), ...transport), '422 no_dtls'],
  ['no fingerprint', sdp(...audio, ...transport.slice(0, 2)), '400 bad_sdp'],
  ['a huge offer', sdp(...audio, ...transport, `a=x:${'y'.repeat(70_000)}`), '413 sdp_too_large'],
  ['very many sections', sdp(...Array<string[]>(9).fill(audio).flat(), ...transport), '400 bad_sdp'],
])('%s', (_name, offer, outcome) => {
  expect(codeOf(offer)).toBe(outcome)
})

test('a sendonly offer gets no sound back', () => {
  expect(wantsSound(sdp(...audio))).toBe(true)
  expect(wantsSound(sdp(...audio.map((line) => line.replace('sendrecv', 'sendonly'))))).toBe(false)
})

test('a trickle fragment gives its candidates and the generation they belong to', () => {
  const fragment =
    'a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 1.2.3.4 5 typ host\r\n'
  expect(readFragment(fragment)).toEqual({
    candidates: ['candidate:1 1 udp 1 1.2.3.4 5 typ host'],
    ufrag: 'abcd',
  })
})

test('the stream that an offer announces is the one of its audio', () => {
  const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ssrc:5 cname:x']
  expect(ssrcOf(sdp(...video, ...audio, 'a=ssrc:4000000000 cname:x', 'a=ssrc:4000000000 msid:y'))).toBe(
    4_000_000_000,
  )
  expect(ssrcOf(sdp(...audio, ...video))).toBeUndefined()
})

test('redundant audio is named first in the answer where it is agreed on', () => {
  const opus = sdp('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2')
  expect(preferringRed(opus)).toBe(opus)
  const both = sdp(
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:63 red/48000/2',
  )
  expect(preferringRed(both)).toBe(both.replace('111 63', '63 111'))
})
