import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openDecoder, openEncoder } from '@odeon/common/opus.ts'
import { FRAME_MS, FRAME_SAMPLES } from '@odeon/common/time.ts'
import { Room, type Seat } from './room.ts'
import { babble, encodeAll } from './testing/sounds.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

const nobodyIsMuted = (): boolean => false

/** Says the packets, one a frame, and answers the loudness of the mix in the last `seconds` of them, dB. */
async function say(room: Room, seat: Seat, packets: readonly Uint8Array[], seconds: number): Promise<number> {
  const decoder = await openDecoder()
  const from = packets.length - (seconds * 1000) / FRAME_MS
  let energy = 0
  for (const [n, payload] of packets.entries()) {
    seat.push({ ssrc: 1, sequence: n, timestamp: n * FRAME_SAMPLES, payload }, performance.now())
    vi.advanceTimersByTime(FRAME_MS)
    const pcm = decoder.decode(room.beat(nobodyIsMuted))
    if (n >= from) energy += pcm.reduce((sum, x) => sum + x * x, 0)
  }
  decoder.close()
  return 10 * Math.log10(energy / (seconds * 48_000))
}

test('who dials again is as loud at once as he was, before or after his old connection is gone', async () => {
  const encoder = await openEncoder({ bitrate: 48_000, complexity: 5 })
  const soft = encodeAll(
    babble(8).map((x) => x * 0.05),
    encoder,
  )
  encoder.close()
  const first = soft.slice(0, 50)
  const room = await Room.open()

  const before = await room.prepare('ana', undefined)
  room.seat(before)
  await say(room, before, soft.slice(50), 1)
  const raised = await say(room, before, first, 1)

  const again = await room.prepare('ana', undefined)
  room.seat(again) // In the place of the old one.
  expect(Math.abs((await say(room, again, first, 1)) - raised)).toBeLessThan(2)

  room.unseat('ana')
  const later = await room.prepare('ana', undefined)
  room.seat(later)
  expect(Math.abs((await say(room, later, first, 1)) - raised)).toBeLessThan(2)

  const other = await room.prepare('ben', undefined)
  room.seat(other)
  room.unseat('ana')
  expect(await say(room, other, first, 1)).toBeLessThan(raised - 8) // He begins with what he brings.
  room.close()
})
