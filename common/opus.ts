import {
  Application,
  createDecoder,
  createEncoder,
  EncoderCtl,
  Signal,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
} from 'libopus-wasm'
import { FRAME_SAMPLES, SAMPLE_RATE } from './time.ts'

/** Opus of a space (RFC 6716): mono, 48 kHz, 20 ms. PCM is Float32 in −1 … 1. The only file that knows the library. */

export interface FrameEncoder {
  /**
   * One frame of 960 samples; the packet is the caller's. An `independent` one does not lean on those before it, for a receiver that is
   * switched to this encoder with it.
   */
  encode(pcm: Float32Array, independent?: boolean): Uint8Array
  /** From the next packet on, 0 … 10. */
  complexity(level: number): void
  close(): void
}

export interface FrameDecoder {
  /** Any Opus packet, 2.5 to 120 ms, mono or stereo: mixed down to mono. Throws for bytes that are no packet. */
  decode(packet: Uint8Array): Float32Array
  /** The frame before `next`, out of the redundancy that `next` carries (in-band FEC). */
  recover(next: Uint8Array): Float32Array
  /** What a lost frame may have sounded like. */
  conceal(): Float32Array
  close(): void
}

export interface EncoderSettings {
  /** bit/s */
  bitrate: number
  /** 0 … 10 */
  complexity: number
  /** Looks 2.5 ms ahead instead of 6.5, and uses CELT alone. */
  lowDelay?: boolean
  /** As a browser encodes a voice for a network that loses so much of it, %: with in-band FEC. */
  expectedLoss?: number
  /** Says in a packet of two bytes at most that there is silence. */
  dtx?: boolean
}

/**
 * 64 kb/s at complexity 5, one rule for every mix: no DTX and no FEC, since the log loses nothing. At this rate libopus takes CELT for
 * speech and music alike, so low delay costs no quality.
 */
export const MIX_ENCODER: EncoderSettings = { bitrate: 64_000, complexity: 5, lowDelay: true }

export async function openEncoder(settings: EncoderSettings): Promise<FrameEncoder> {
  const encoder: OpusEncoderHandle = await createEncoder({
    channels: 1,
    sampleRate: SAMPLE_RATE,
    frameSize: FRAME_SAMPLES,
    application: applicationOf(settings),
    signal: Signal.Auto,
    bitrate: settings.bitrate,
    complexity: settings.complexity,
    dtx: settings.dtx ?? false,
  })
  if (settings.expectedLoss !== undefined) {
    encoder.setFec(true)
    encoder.setPacketLossPercent(settings.expectedLoss)
    encoder.setSignal(Signal.Voice)
  }
  return {
    encode(pcm, independent) {
      if (!independent) return encoder.encodeFloat(pcm)
      encoder.encoderCtl(EncoderCtl.SetPredictionDisabled, 1)
      try {
        return encoder.encodeFloat(pcm)
      } finally {
        encoder.encoderCtl(EncoderCtl.SetPredictionDisabled, 0)
      }
    },
    complexity: (level) => encoder.setComplexity(level),
    close: () => encoder.free(),
  }
}

function applicationOf({ lowDelay, expectedLoss }: EncoderSettings): Application {
  if (expectedLoss !== undefined) return Application.Voip
  return lowDelay ? Application.RestrictedLowDelay : Application.Audio
}

export async function openDecoder(): Promise<FrameDecoder> {
  const decoder: OpusDecoderHandle = await createDecoder({ channels: 1, sampleRate: SAMPLE_RATE })
  return {
    decode: (packet) => decoder.decodeFloat(packet),
    recover: (next) => decoder.decodeFloat(next, { decodeFec: true, frameSize: FRAME_SAMPLES }),
    conceal: () => decoder.decodePacketLossFloat(FRAME_SAMPLES),
    close: () => decoder.free(),
  }
}
