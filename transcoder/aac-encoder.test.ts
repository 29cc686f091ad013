import { expect, test } from 'vitest'
import { AAC } from '@odeon/common/rendition.ts'
import { AAC_FRAME_SAMPLES } from '@odeon/common/time.ts'
import { firstSampleFor, startAacEncoder } from './aac-encoder.ts'
import { cmafChunk } from './cmaf.ts'
import { decodeCmaf } from './testing/decode.ts'
import { alignment, chirp, relativeError } from './testing/sound.ts'

const sound = chirp(200) // 4 s
const AAC_FRAMES = Math.ceil(sound.length / AAC_FRAME_SAMPLES)

async function encode(firstFrame: number): Promise<Uint8Array[]> {
  const encoder = startAacEncoder({ firstFrame })
  const feeding = (async () => {
    const start = Math.max(0, firstSampleFor(firstFrame))
    for (let frame = Math.floor(start / 960); frame < 200; frame++)
      await encoder.write(frame * 960, sound.subarray(frame * 960, (frame + 1) * 960))
    await encoder.end()
  })()
  const frames: Uint8Array[] = []
  for await (const some of encoder.frames()) frames.push(...some)
  await feeding
  expect(await encoder.exit).toEqual({ kind: 'finished' })
  return frames
}
/** As a player hears them. Chunks of the test hold all frames at once. */
const decode = (frames: Uint8Array[]) =>
  decodeCmaf(cmafChunk({ rendition: AAC, position: { msn: 0, chunk: 0 }, frames }))

test('frame k on the wire is samples 1024k to 1024k+1023, from the first to the last, which is filled with zeros', async () => {
  const frames = await encode(0)
  expect(frames).toHaveLength(AAC_FRAMES)
  const heard = await decode(frames)
  expect(heard).toHaveLength(AAC_FRAMES * AAC_FRAME_SAMPLES)
  for (let at = 0; at + 9600 <= sound.length; at += 9600) {
    const { lag, likeness } = alignment(heard.subarray(at, at + 9600), sound.subarray(at, at + 9600))
    expect([at, lag]).toEqual([at, 0])
    expect(likeness).toBeGreaterThan(0.98)
  }
})

test('an encoder that starts in the middle goes on where another stopped: the seam is the noise of the codec', async () => {
  const whole = await encode(0)
  for (const k of [5, 50, 90]) {
    const rest = await encode(k)
    expect(rest).toHaveLength(AAC_FRAMES - k)
    const spliced = await decode([...whole.slice(0, k), ...rest])
    const unspliced = await decode(whole)
    const seam = [(k - 1) * AAC_FRAME_SAMPLES, (k + 2) * AAC_FRAME_SAMPLES] as const
    expect(relativeError(spliced.subarray(...seam), unspliced.subarray(...seam))).toBeLessThan(0.1)
  }
})
