import type { Sound } from '@odeon/common/internal.ts'
import { openDecoder } from '@odeon/common/opus.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'
import { addInto, levelByte } from './mix.ts'
import { Returns, type Listener } from './returns.ts'
import type { MediaPacket } from './rtp.ts'
import { Voice } from './voice.ts'

/** A speaker's place in the mix: what he says, and the room without him, on its way back. */
export interface Seat {
  readonly id: string
  /** `at`: when it came (`performance.now()`). */
  push(packet: MediaPacket, at: number): void
  /** Gives back its codecs; may be called twice. */
  close(): void
}

interface Occupied extends Seat, Listener {
  readonly voice: Voice
}

/** Packets that came too late, twice, … */
export type Unused = 'late' | 'duplicate' | 'overflow' | 'invalid' | 'foreign' | 'skipped' | 'undecodable'

export interface RoomCounts {
  /** Frames made up for lost ones. */
  concealed: number
  /** Packets that could not be used. */
  dropped: Record<Unused, number>
  /** Mix-minus frames that were silence because no encoder was ready. */
  missed: number
}

/** The sound of a space: a voice and a mix-minus for each seat, one mix for all. Called once for every frame. */
export class Room {
  #seats: readonly Occupied[] = []
  readonly #returns: Returns
  readonly #all = new Float32Array(FRAME_SAMPLES)
  #talking: readonly string[] = []
  /** Of those who have left. */
  readonly #left = nothing()
  /** Theirs too, dB, the newest last: who dials again is as loud at once as he was. Full, the oldest goes, and begins anew if he comes back. */
  readonly #gains = new Map<string, number>()

  private constructor(returns: Returns) {
    this.#returns = returns
  }

  static async open(): Promise<Room> {
    return new Room(await Returns.open())
  }

  /** Makes a place without putting it into the mix. `send` gets every mix-minus frame; undefined for one who only talks. */
  async prepare(id: string, send: Listener['send'], sound?: Sound): Promise<Seat> {
    const decoder = await openDecoder()
    const voice = new Voice(decoder, sound, this.#gainOf(id))
    const returns = this.#returns
    let closed = false
    const seat: Occupied = {
      id,
      voice,
      send,
      frame: undefined,
      own: undefined,
      push(packet, at) {
        if (!closed) voice.push(packet, at)
      },
      close() {
        if (closed) return
        closed = true
        voice.close()
        returns.release(seat)
      },
    }
    return seat
  }

  /** Puts a prepared place into the mix; who sat there under the same id is gone. */
  seat(seat: Seat): void {
    this.unseat(seat.id)
    this.#seats = [...this.#seats, seat as Occupied]
  }

  unseat(id: string): void {
    const seat = this.#seats.find((seat) => seat.id === id)
    if (!seat) return
    count(seat.voice, this.#left)
    this.#keepGain(seat)
    seat.close()
    this.#seats = this.#seats.filter((seat) => seat.id !== id)
  }

  #keepGain({ id, voice: { gain } }: Occupied): void {
    if (gain === undefined) return
    this.#gains.delete(id)
    this.#gains.set(id, gain)
    if (this.#gains.size > KEPT_GAINS) this.#gains.delete(this.#gains.keys().next().value!)
  }

  /** He may still be seated: on the connection that is dead. */
  #gainOf(id: string): number | undefined {
    return this.#seats.find((seat) => seat.id === id)?.voice.gain ?? this.#gains.get(id)
  }

  /**
   * Mixes one frame and sends everyone what he hears; those whom `muted` names are not heard. Answers the room as everyone off stage
   * hears it. The packet is made anew; nothing else is, on the way of every frame.
   */
  beat(muted: (id: string) => boolean): Uint8Array {
    const seats = this.#seats
    this.#all.fill(0)
    for (const seat of seats) {
      const pulled = seat.voice.pull() // A muted voice is played too, so that it is on time when it comes back.
      seat.frame = pulled && !muted(seat.id) ? pulled : undefined
      if (seat.frame) addInto(this.#all, seat.frame)
    }
    return this.#returns.beat(this.#all, seats)
  }

  /** Those who talk, in the order of their seats: the same array until it changes. */
  get talking(): readonly string[] {
    let count = 0
    let same = true
    for (const seat of this.#seats) {
      if (isTalking(seat) && this.#talking[count++] !== seat.id) same = false
    }
    if (!same || count !== this.#talking.length)
      this.#talking = this.#seats.filter(isTalking).map(({ id }) => id)
    return this.#talking
  }

  /** 0 … 255 for each who talks. */
  levels(): Record<string, number> {
    return Object.fromEntries(
      this.#seats.filter(isTalking).map(({ id, voice }) => [id, levelByte(voice.level)]),
    )
  }

  /** Sums over all who sit here or did. */
  counts(): RoomCounts {
    const sum = { concealed: this.#left.concealed, dropped: { ...this.#left.dropped } }
    for (const { voice } of this.#seats) count(voice, sum)
    return { ...sum, missed: this.#returns.missed }
  }

  close(): void {
    for (const { id } of this.#seats) this.unseat(id)
    this.#returns.close()
  }
}

const KEPT_GAINS = 200

const isTalking = ({ frame, voice }: Occupied): boolean => frame !== undefined && voice.talking

const nothing = (): Omit<RoomCounts, 'missed'> => ({
  concealed: 0,
  dropped: { late: 0, duplicate: 0, overflow: 0, invalid: 0, foreign: 0, skipped: 0, undecodable: 0 },
})

function count({ receiver }: Voice, sum: Omit<RoomCounts, 'missed'>): void {
  const all = { ...receiver.jitter.counts, undecodable: receiver.undecodable }
  for (const why of Object.keys(sum.dropped) as Unused[]) sum.dropped[why] += all[why]
  sum.concealed += receiver.concealed
}
