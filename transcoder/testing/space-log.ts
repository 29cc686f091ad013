import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import type { SpaceEvent } from '@odeon/common/events.ts'
import { logKey } from '@odeon/common/keys.ts'
import { MIX_ENCODER, openDecoder, openEncoder } from '@odeon/common/opus.ts'
import type { Log } from '@odeon/common/ports.ts'
import { FRAME_SAMPLES } from '@odeon/common/time.ts'

/** Opus packets of a sound, and the sound that a listener of the log hears. */
export async function opusOf(pcm: Float32Array): Promise<{ packets: Uint8Array[]; heard: Float32Array }> {
  const encoder = await openEncoder(MIX_ENCODER)
  const decoder = await openDecoder()
  const packets: Uint8Array[] = []
  const heard = new Float32Array(pcm.length)
  for (let at = 0; at < pcm.length; at += FRAME_SAMPLES) {
    const packet = encoder.encode(pcm.slice(at, at + FRAME_SAMPLES))
    packets.push(packet)
    heard.set(decoder.decode(packet), at)
  }
  encoder.close()
  decoder.close()
  return { packets, heard }
}

/** Writes as a mixer does. */
export const mixer = (log: Log, id: string, epoch = 1) => {
  const key = logKey(id)
  return {
    claim: () =>
      log.append(key, frameId(epoch, -1), encodeLogEntry({ kind: 'claim', owner: 'test', frames: 0 })),
    frame: (frame: number, opus: Uint8Array, events: SpaceEvent[] = []) =>
      log.append(key, frameId(epoch, frame), encodeLogEntry({ kind: 'frame', opus, events })),
    raw: (frame: number, body: Uint8Array) => log.append(key, frameId(epoch, frame), body),
    end: (frame: number) =>
      log.append(key, frameId(epoch, frame), encodeLogEntry({ kind: 'end', reason: 'host' })),
    /** Frames `from` to `to`, the second not included. */
    async frames(packets: readonly Uint8Array[], from: number, to: number) {
      for (let frame = from; frame < to; frame++) await this.frame(frame, packets[frame]!)
    },
  }
}

export const stage = (title: string, talking: string[] = []): SpaceEvent => ({
  type: 'stage',
  title,
  members: [{ id: 'ana00000', name: 'Ana', role: 'host', muted: 'no', connected: true }],
  talking,
})
