import type { MediaPacket, Redundant } from './rtp.ts'

/**
 * Packets of many peers on their way from one thread to one other, in memory that both see: no message, no object, and nothing waits. Bytes in a
 * ring, 1 MiB; when it is full, what comes is refused. That is a second and a half of all that ten stages of ten say.
 *
 * A record is, in network order: its length (u16), peer (u32), when it came (f64, ms), ssrc (u32), timestamp (u32), sequence (u16), redundant
 * frames (u8), for each its offset (u16) and length (u16), length of the payload (u16), the redundant frames, the payload.
 */
export class MediaRing {
  readonly #bytes: Uint8Array
  /** Bytes written and read so far, both of which wrap at 2³². */
  readonly #counts: Int32Array
  readonly #record = new Uint8Array(MAX_RECORD)
  readonly #view = new DataView(this.#record.buffer)

  /** `memory` is of `newMemory`; the other thread has the same. */
  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory, 0, 2)
    this.#bytes = new Uint8Array(memory, COUNTS, CAPACITY)
  }

  static newMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(COUNTS + CAPACITY)
  }

  /** False when there is no room for it. Only one thread writes. */
  write(
    peer: number,
    { ssrc, timestamp, sequence, payload, redundant = NONE }: MediaPacket,
    at: number,
  ): boolean {
    let size = HEAD + payload.length
    for (let n = 0; n < redundant.length; n++) size += 4 + redundant[n]!.payload.length
    if (size > MAX_RECORD) return false
    const view = this.#view
    view.setUint16(0, size)
    view.setUint32(2, peer)
    view.setFloat64(6, at)
    view.setUint32(14, ssrc)
    view.setUint32(18, timestamp)
    view.setUint16(22, sequence)
    view.setUint8(24, redundant.length)
    let to = 25
    for (let n = 0; n < redundant.length; n++) {
      view.setUint16(to, redundant[n]!.offset)
      view.setUint16(to + 2, redundant[n]!.payload.length)
      to += 4
    }
    view.setUint16(to, payload.length)
    to += 2
    for (let n = 0; n < redundant.length; n++) {
      this.#record.set(redundant[n]!.payload, to)
      to += redundant[n]!.payload.length
    }
    this.#record.set(payload, to)
    return this.#push(size)
  }

  #push(size: number): boolean {
    const written = Atomics.load(this.#counts, WRITTEN)
    if (((written - Atomics.load(this.#counts, READ)) >>> 0) + size > CAPACITY) return false
    for (let n = 0; n < size; n++) this.#bytes[(written + n) & MASK] = this.#record[n]!
    Atomics.store(this.#counts, WRITTEN, (written + size) | 0)
    return true
  }

  /** Calls back for each packet that was written, in order; its payloads are the callee's. Only one thread reads. */
  read(onPacket: (peer: number, packet: MediaPacket, at: number) => void): void {
    const from = Atomics.load(this.#counts, READ)
    const length = (Atomics.load(this.#counts, WRITTEN) - from) >>> 0
    if (length === 0) return
    const start = from & MASK
    const bytes = new Uint8Array(length)
    bytes.set(this.#bytes.subarray(start, Math.min(CAPACITY, start + length)))
    if (start + length > CAPACITY)
      bytes.set(this.#bytes.subarray(0, start + length - CAPACITY), CAPACITY - start)
    Atomics.store(this.#counts, READ, (from + length) | 0)
    readRecords(bytes, onPacket)
  }
}

function readRecords(bytes: Uint8Array, onPacket: Parameters<MediaRing['read']>[0]): void {
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += view.getUint16(at)) {
    const count = view.getUint8(at + 24)
    let lengths = at + 25
    let from = lengths + 4 * count + 2
    const redundant: Redundant[] = []
    for (let n = 0; n < count; n++) {
      const length = view.getUint16(lengths + 2)
      redundant.push({ offset: view.getUint16(lengths), payload: bytes.subarray(from, from + length) })
      lengths += 4
      from += length
    }
    const packet: MediaPacket = {
      ssrc: view.getUint32(at + 14),
      timestamp: view.getUint32(at + 18),
      sequence: view.getUint16(at + 22),
      payload: bytes.subarray(from, from + view.getUint16(lengths)),
    }
    if (count > 0) packet.redundant = redundant
    onPacket(view.getUint32(at + 2), packet, view.getFloat64(at + 6))
  }
}

const CAPACITY = 2 ** 20
const MASK = CAPACITY - 1
const COUNTS = 8
const WRITTEN = 0
const READ = 1
const HEAD = 27
const MAX_RECORD = 0xffff
const NONE: readonly Redundant[] = []
