import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { connectSpeaker, type SpeakerOptions } from '@odeon/ingest/werift-speaker.ts'
import { decode, speech } from '../e2e/sound.ts'

/** Speakers of `bench:stage`. They send what was encoded before, so that they cost little beside the server that is measured. */

/** What a client sends, 20 ms each; undefined where silence suppression leaves one out. In a loop. */
export type Tape = readonly (Uint8Array | undefined)[]

const BURST_EVERY = 50 // Frames.
const BURST_FRAMES = 5

async function encoded(frames: readonly Float32Array[]): Promise<Uint8Array[]> {
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const packets = frames.map((frame) => encoder.encode(frame))
  encoder.close()
  return packets
}

const noise = (loudness: number): Float32Array =>
  Float32Array.from({ length: FRAME_SAMPLES }, () => (Math.random() - 0.5) * 2 * loudness)

/** A recording, said over and over. */
export async function speechTape(name: string): Promise<Tape> {
  const pcm = await decode(speech(name), 48_000)
  const frames = Array.from({ length: Math.floor(pcm.length / FRAME_SAMPLES) }, (_, n) =>
    pcm.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES),
  )
  return encoded(frames)
}

/** A silent microphone with silence suppression: a packet of comfort every 400 ms, and nothing between. */
export async function quietTape(): Promise<Tape> {
  const packets = await encoded(Array.from({ length: 20 }, () => noise(0.0001)))
  return packets.map((packet, n) => (n === 0 ? packet.slice(0, 1) : undefined))
}

/** A silent microphone without it: the low noise of a room, in every packet. */
export const roomTape = async (): Promise<Tape> => encoded(Array.from({ length: 200 }, () => noise(0.0008)))

/** 100 ms of a voiced sound a second, which a gate takes for a voice, with the noise of a good microphone between. */
export const burstTape = async (): Promise<Tape> => encoded(burstFrames())

const burstFrames = (): Float32Array[] =>
  Array.from({ length: BURST_EVERY }, (_, n) => {
    const frame = noise(0.0003)
    if (n < BURST_EVERY - BURST_FRAMES) return frame
    return frame.map((sample, i) => {
      let sum = 0
      for (let harmonic = 1; harmonic <= 30; harmonic++)
        sum +=
          Math.sin((2 * Math.PI * 200 * harmonic * (n * FRAME_SAMPLES + i)) / 48_000) / Math.sqrt(harmonic)
      return sample + 0.15 * sum
    })
  })

export interface Client {
  /** `performance.now()` at which each packet with the beginning of a burst left. */
  bursts: number[]
  /** Sends its tape in real time, in a loop, until closed. */
  play(): void
  close(): Promise<void>
}

/** Joins. Its number says where in the tape it begins, and when in a frame. */
export async function join(
  post: SpeakerOptions['post'],
  tape: Tape,
  number: number,
  onPacket?: SpeakerOptions['onPacket'],
): Promise<Client> {
  const speaker = await connectSpeaker({ post, ...(onPacket && { onPacket }) })
  const bursts: number[] = []
  let timer: NodeJS.Timeout | undefined
  return {
    bursts,
    play() {
      const startedAt = performance.now() + ((number * 7.3) % FRAME_MS) // People don't speak in step.
      const begin = tape.length > BURST_EVERY ? number * 97 : 0
      let frame = 0
      let skipped = 0
      timer = setInterval(() => {
        for (; startedAt + frame * FRAME_MS <= performance.now(); frame++) {
          const packet = tape[(begin + frame) % tape.length]
          if (!packet) {
            skipped++
            continue
          }
          if (frame % BURST_EVERY === BURST_EVERY - BURST_FRAMES) bursts.push(performance.now())
          speaker.send(packet, skipped)
          skipped = 0
        }
      }, 2)
    },
    close() {
      clearInterval(timer)
      return speaker.close()
    },
  }
}

/** Finds the beginnings of bursts in packets as they come. `at` in ms: the packet's arrival, and how far into it the burst begins. */
export async function burstEar(): Promise<{
  onPacket(packet: { opus: Uint8Array }): void
  heard: number[]
  close(): void
}> {
  const decoder = await openDecoder()
  const heard: number[] = []
  let quiet = 0
  return {
    heard,
    onPacket({ opus }) {
      const now = performance.now()
      const onset = onsetIn(decoder.decode(opus))
      if (onset === undefined) quiet++
      else {
        if (quiet >= 10) heard.push(now + onset / 48)
        quiet = 0
      }
    },
    close: () => decoder.close(),
  }
}

/** The first sample that belongs to a burst. */
function onsetIn(pcm: Float32Array): number | undefined {
  const at = pcm.findIndex((sample) => Math.abs(sample) > 0.05)
  return at < 0 ? undefined : at
}

/** What the client's own encoder and decoder add to a burst, ms: a burst through them with no server between. */
export async function ownDelay(): Promise<number> {
  const decoder = await openDecoder()
  const packets = await encoded([...burstFrames(), ...burstFrames()])
  const onsets = packets.map((packet) => onsetIn(decoder.decode(packet)))
  decoder.close()
  const frame = onsets.findIndex((onset, n) => n > BURST_FRAMES && onset !== undefined)
  return (frame - (BURST_EVERY - BURST_FRAMES)) * FRAME_MS + onsets[frame]! / 48
}
