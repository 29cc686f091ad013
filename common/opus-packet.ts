/** What the first bytes of an Opus packet tell, RFC 6716 §3.1. */

const SILK_MS = [10, 20, 40, 60]
const HYBRID_MS = [10, 20]
const CELT_MS = [2.5, 5, 10, 20]

const frameMs = (config: number): number =>
  config < 12 ? SILK_MS[config % 4]! : config < 16 ? HYBRID_MS[config % 2]! : CELT_MS[config % 4]!

/**
 * Duration of an Opus packet in samples at 48 kHz; undefined when the bytes are no valid packet (empty, or longer than the
 * 120 ms that RFC 6716 §3.2 [R5] allows).
 */
export function opusSamples(packet: Uint8Array): number | undefined {
  const toc = packet[0]
  if (toc === undefined) return undefined
  const code = toc & 3
  const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 0x3f
  const samples = frames * frameMs(toc >> 3) * 48
  return frames > 0 && samples <= 5760 ? samples : undefined
}

/**
 * Does the packet carry the frame before it once more (in-band FEC)? Its first SILK frame begins with a bit of voice activity for each 20 ms and
 * then the flag of the redundancy (RFC 6716 §4.2.3). Packets of several frames count as having none.
 */
export function hasRedundancy(packet: Uint8Array): boolean {
  const toc = packet[0]
  const flags = packet[1]
  if (toc === undefined || flags === undefined || (toc & 3) !== 0) return false
  const config = toc >> 3
  if (config >= 16) return false // CELT alone.
  const activity = Math.max(1, frameMs(config) / 20)
  const mono = (flags >> (7 - activity)) & 1
  const stereo = (toc & 4) !== 0 && ((flags >> (7 - 2 * activity - 1)) & 1) === 1
  return mono === 1 || stereo
}
