/** The table of contents byte of an Opus packet, RFC 6716 §3.1. */

const SILK_MS = [10, 20, 40, 60]
const HYBRID_MS = [10, 20]
const CELT_MS = [2.5, 5, 10, 20]

/**
 * Duration of an Opus packet in samples at 48 kHz; undefined when the bytes are no valid packet (empty, or longer than the
 * 120 ms that RFC 6716 §3.2 [R5] allows).
 */
export function opusSamples(packet: Uint8Array): number | undefined {
  const toc = packet[0]
  if (toc === undefined) return undefined
  const config = toc >> 3
  const ms = config < 12 ? SILK_MS[config % 4]! : config < 16 ? HYBRID_MS[config % 2]! : CELT_MS[config % 4]!
  const code = toc & 3
  const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 0x3f
  const samples = frames * ms * 48
  return frames > 0 && samples <= 5760 ? samples : undefined
}
