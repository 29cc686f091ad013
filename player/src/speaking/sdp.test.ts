import { expect, test } from 'vitest'
import { withOpusParameters } from './sdp.ts'

const sdp = (...lines: string[]): string =>
  ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63', ...lines, 'a=sendrecv', ''].join('\r\n')
const OURS = 'useinbandfec=1;usedtx=1;stereo=0;maxaveragebitrate=48000'

test('Opus gets forward error correction, silence without packets, one channel and 48 kb/s', () => {
  const chromium = sdp(
    'a=rtpmap:111 opus/48000/2',
    'a=rtcp-fb:111 transport-cc',
    'a=fmtp:111 minptime=10;useinbandfec=1',
  )
  expect(withOpusParameters(chromium, 'voice')).toContain(`\r\na=fmtp:111 minptime=10;${OURS}\r\n`)
})

test('parameters that say otherwise are overruled, however they are written', () => {
  const stereo = sdp(
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 Stereo=1; useinbandfec=0 ;maxaveragebitrate=510000',
  )
  const changed = withOpusParameters(stereo, 'voice')
  expect(changed).toContain('stereo=0')
  expect(changed).toContain('maxaveragebitrate=48000')
  expect(changed).not.toMatch(/useinbandfec=0|stereo=1|510000/i)
})

test('Opus without a line of parameters gets one', () => {
  expect(withOpusParameters(sdp('a=rtpmap:111 opus/48000/2'), 'voice')).toContain(
    `a=rtpmap:111 opus/48000/2\r\na=fmtp:111 ${OURS}\r\n`,
  )
})

test('everything else stays as it was: redundancy, which names Opus by its number, and offers without Opus', () => {
  const red = sdp('a=rtpmap:111 opus/48000/2', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111')
  expect(withOpusParameters(red, 'voice')).toContain('a=fmtp:63 111/111\r\n')
  const none = sdp('a=rtpmap:0 PCMU/8000')
  expect(withOpusParameters(none, 'voice')).toBe(none)
})

test('music gets two channels, more bits, and its pauses are sent', () => {
  const changed = withOpusParameters(
    sdp('a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;usedtx=1'),
    'music',
  )
  expect(changed).toContain(
    'a=fmtp:111 minptime=10;usedtx=0;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=128000\r\n',
  )
})
