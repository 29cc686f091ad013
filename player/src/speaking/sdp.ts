import type { Sound } from '@odeon/common/internal.ts'

/** What Opus is asked for, RFC 7587 §6.1. A browser's encoder obeys the answer, a server's the offer: both are written so. */
const OPUS = {
  voice: { useinbandfec: 1, usedtx: 1, stereo: 0, maxaveragebitrate: 48_000 }, // bit/s
  music: { useinbandfec: 1, usedtx: 0, stereo: 1, 'sprop-stereo': 1, maxaveragebitrate: 128_000 },
} satisfies Record<Sound, Record<string, number>>

/** The same description, with our parameters for Opus; others of it stay. One without Opus comes back as it was. */
export function withOpusParameters(sdp: string, sound: Sound): string {
  const lines = sdp.split(/\r?\n/)
  const type = lines
    .map((line) => /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1])
    .find((found) => found !== undefined)
  if (type === undefined) return sdp
  const prefix = `a=fmtp:${type} `
  const at = lines.findIndex((line) => line.startsWith(prefix))
  if (at >= 0) lines[at] = prefix + merged(lines[at]!.slice(prefix.length), sound)
  else
    lines.splice(
      lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `)) + 1,
      0,
      prefix + merged('', sound),
    )
  return lines.join('\r\n')
}

function merged(parameters: string, sound: Sound): string {
  const all = new Map(
    parameters
      .split(';')
      .filter((parameter) => parameter.trim() !== '')
      .map((parameter) => {
        const [name = '', value = ''] = parameter.split('=', 2)
        return [name.trim().toLowerCase(), value.trim()]
      }),
  )
  for (const [name, value] of Object.entries(OPUS[sound])) all.set(name, String(value))
  return [...all].map(([name, value]) => `${name}=${value}`).join(';')
}
