import type { Rendition } from '@odeon/common/rendition.ts'

/** Cuts a growing segment into its CMAF chunks (ISO/IEC 23000-19 §7.3.2.3): each ends with its `mdat`, so the stream needs no framing. */

export interface CmafChunk {
  /** First sample since the start of the space (`tfdt`). */
  sample: number
  /** Length in samples, from the frames in `trun`. */
  samples: number
  bytes: Uint8Array<ArrayBuffer>
}

/** More than a chunk can have: what is larger is no segment of ours. */
const MAX_CHUNK = 1 << 20

/** The stream is no CMAF. */
export class NotCmaf extends Error {
  override name = 'NotCmaf'
}

export class ChunkSplitter {
  readonly #rendition: Rendition
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0)

  constructor(rendition: Rendition) {
    this.#rendition = rendition
  }

  /** Takes what came off the network, answers the chunks that are complete now. Throws `NotCmaf`. */
  push(data: Uint8Array): CmafChunk[] {
    this.#held = join(this.#held, data)
    const chunks: CmafChunk[] = []
    for (;;) {
      const size = completeChunk(this.#held)
      if (size === undefined) break
      chunks.push(readChunk(this.#held.slice(0, size), this.#rendition))
      this.#held = this.#held.slice(size)
    }
    if (this.#held.length > MAX_CHUNK) throw new NotCmaf(`A chunk of more than ${MAX_CHUNK} bytes.`)
    return chunks
  }

  /** Bytes of a chunk that has not ended: a response that ends here was cut. */
  get pending(): number {
    return this.#held.length
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

interface Box {
  type: string
  start: number
  end: number
}

const TYPE = /^[A-Za-z0-9 ]{4}$/

/** The box at `start`; undefined where its header is not whole. */
function boxAt(bytes: Uint8Array, start: number): Box | undefined {
  if (start + 8 > bytes.length) return undefined
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start)
  const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8))
  if (size < 8 || size > MAX_CHUNK || !TYPE.test(type))
    throw new NotCmaf(`No box: "${type}" of ${size} bytes.`)
  return { type, start, end: start + size }
}

/** Where the first `mdat` ends, if it is all there. */
function completeChunk(bytes: Uint8Array): number | undefined {
  for (let box = boxAt(bytes, 0); box && box.end <= bytes.length; box = boxAt(bytes, box.end)) {
    if (box.type === 'mdat') return box.end
  }
  return undefined
}

function child(bytes: Uint8Array, parent: Box, type: string): Box {
  for (let at = parent.start + 8; at < parent.end;) {
    const box = boxAt(bytes, at)
    if (!box || box.end > parent.end) break
    if (box.type === type) return box
    at = box.end
  }
  throw new NotCmaf(`There is no ${type} in ${parent.type}.`)
}

function readChunk(bytes: Uint8Array<ArrayBuffer>, { frameSamples }: Rendition): CmafChunk {
  const traf = child(bytes, child(bytes, { type: 'chunk', start: -8, end: bytes.length }, 'moof'), 'traf')
  const view = new DataView(bytes.buffer)
  const tfdt = child(bytes, traf, 'tfdt')
  const sample =
    bytes[tfdt.start + 8] === 1 ? Number(view.getBigUint64(tfdt.start + 12)) : view.getUint32(tfdt.start + 12)
  const frames = view.getUint32(child(bytes, traf, 'trun').start + 12)
  return { sample, samples: frames * frameSamples, bytes }
}
