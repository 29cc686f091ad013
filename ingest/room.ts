import { MIX_ENCODER, openDecoder, openEncoder, type FrameEncoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Limiter } from './limiter.ts'
import { levelByte, mixAll, mixMinus } from './mix.ts'
import type { MediaPacket } from './rtp.ts'
import { Voice } from './voice.ts'

/** A speaker's place in the mix: what he says, and the room without him, on its way back. */
export interface Seat {
  readonly id: string
  push(packet: MediaPacket): void
  /** Gives back its codecs; may be called twice. */
  close(): void
}

interface Occupied extends Seat {
  voice: Voice
  /** Undefined for one who does not listen (a `sendonly` offer). */
  returns: { encoder: FrameEncoder; limiter: Limiter; send(opus: Uint8Array): void } | undefined
  frame: Float32Array | undefined
}

export interface Beat {
  /** The room as everyone off stage hears it. */
  opus: Uint8Array
  /** Those who talk, in the order of their seats. */
  talking: string[]
  /** 0 … 255 for each who talks. */
  levels: Record<string, number>
}

/** The sound of a space: a voice and a mix-minus for each seat, one mix for all. Called once for every frame. */
export class Room {
  readonly #seats = new Map<string, Occupied>()
  readonly #encoder: FrameEncoder
  readonly #limiter = new Limiter()
  readonly #all = new Float32Array(FRAME_SAMPLES)
  readonly #out = new Float32Array(FRAME_SAMPLES)

  private constructor(encoder: FrameEncoder) {
    this.#encoder = encoder
  }

  static async open(): Promise<Room> {
    return new Room(await openEncoder(MIX_ENCODER))
  }

  /** Makes a place without putting it into the mix. `send` gets every mix-minus frame; undefined for one who only talks. */
  async prepare(id: string, send: ((opus: Uint8Array) => void) | undefined): Promise<Seat> {
    const voice = new Voice(await openDecoder())
    let returns: Occupied['returns']
    try {
      returns = send && { encoder: await openEncoder(RETURN_ENCODER), limiter: new Limiter(), send }
    } catch (error) {
      voice.close()
      throw error
    }
    let closed = false
    const seat: Occupied = {
      id,
      voice,
      returns,
      frame: undefined,
      push(packet) {
        if (!closed) voice.push(packet)
      },
      close() {
        if (closed) return
        closed = true
        voice.close()
        returns?.encoder.close()
      },
    }
    return seat
  }

  /** Puts a prepared place into the mix; who sat there under the same id is gone. */
  seat(seat: Seat): void {
    this.unseat(seat.id)
    this.#seats.set(seat.id, seat as Occupied)
  }

  unseat(id: string): void {
    this.#seats.get(id)?.close()
    this.#seats.delete(id)
  }

  /** Mixes one frame; those whom `muted` names are not heard. */
  beat(muted: (id: string) => boolean): Beat {
    const talking: string[] = []
    const levels: Record<string, number> = {}
    const sounding: Float32Array[] = []
    for (const seat of this.#seats.values()) {
      const pulled = seat.voice.pull() // A muted voice is played too, so that it is on time when it comes back.
      seat.frame = pulled && !muted(seat.id) ? pulled : undefined
      if (!seat.frame) continue
      sounding.push(seat.frame)
      if (seat.voice.talking) {
        talking.push(seat.id)
        levels[seat.id] = levelByte(seat.voice.level)
      }
    }
    mixAll(sounding, this.#all)
    for (const seat of this.#seats.values()) {
      if (!seat.returns) continue
      mixMinus(this.#all, seat.frame, this.#out)
      seat.returns.limiter.process(this.#out)
      seat.returns.send(seat.returns.encoder.encode(this.#out))
    }
    this.#limiter.process(this.#all)
    return { opus: this.#encoder.encode(this.#all), talking, levels }
  }

  /** Sums over all who sit here now. */
  counts(): { concealed: number; dropped: number } {
    let concealed = 0
    let dropped = 0
    for (const { voice } of this.#seats.values()) {
      concealed += voice.concealed
      const { late, overflow, invalid, duplicate } = voice.jitter.counts
      dropped += late + overflow + invalid + duplicate + voice.undecodable
    }
    return { concealed, dropped }
  }

  close(): void {
    for (const id of [...this.#seats.keys()]) this.unseat(id)
    this.#encoder.close()
  }
}

/** What a speaker hears of the others: voice over the open network. */
const RETURN_ENCODER = { bitrate: 40_000, complexity: 5 }
