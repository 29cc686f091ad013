/** What Opus is asked for, RFC 7587 §6.1. A browser's encoder obeys the answer, a server's the offer: both are written so. */
const OPUS = {
  useinbandfec: 1,
  usedtx: 1,
  stereo: 0,
  maxaveragebitrate: 48_000, // bit/s
}

/** The same description, with our parameters for Opus; others of it stay. One without Opus comes back as it was. */
export function withOpusParameters(sdp: string): string {
  const lines = sdp.split(/\r?\n/)
  const type = lines
    .map((line) => /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1])
    .find((found) => found !== undefined)
  if (type === undefined) return sdp
  const prefix = `a=fmtp:${type} `
  const at = lines.findIndex((line) => line.startsWith(prefix))
  if (at >= 0) lines[at] = prefix + merged(lines[at]!.slice(prefix.length))
  else
    lines.splice(lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `)) + 1, 0, prefix + merged(''))
  return lines.join('\r\n')
}

function merged(parameters: string): string {
  const all = new Map(
    parameters
      .split(';')
      .filter((parameter) => parameter.trim() !== '')
      .map((parameter) => {
        const [name = '', value = ''] = parameter.split('=', 2)
        return [name.trim().toLowerCase(), value.trim()]
      }),
  )
  for (const [name, value] of Object.entries(OPUS)) all.set(name, String(value))
  return [...all].map(([name, value]) => `${name}=${value}`).join(';')
}
