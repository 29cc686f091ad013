import { expect, test } from 'vitest'
import { archiveKey, LIVE_QUEUE } from '@odeon/common/keys.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { logger, openSpace } from './testing/live.ts'
import { chirp } from './testing/sound.ts'
import { opusOf } from './testing/space-log.ts'
import { startTranscoder } from './transcoder.ts'

const { packets } = await opusOf(chirp(100))

test('a space that ends is idle once its archive is written', async () => {
  const space = await openSpace()
  const transcoder = startTranscoder({ ports: space.ports, logger, registry: new Registry() })
  await transcoder.idle()
  await space.ports.jobs.add(LIVE_QUEUE, space.job.id, space.job)
  await space.mixer.frames(packets, 0, 100)
  await space.until(5)
  const idle = transcoder.idle()
  await space.mixer.end(100)
  await idle
  expect(await space.ports.objects.get(archiveKey(space.job.id))).toBeDefined()
  await Promise.all([transcoder.close(), transcoder.close()])
  await space.close()
})

test('closing stops the work where it is; the next transcoder goes on', async () => {
  const space = await openSpace()
  const first = startTranscoder({ ports: space.ports, logger, registry: new Registry() })
  await space.ports.jobs.add(LIVE_QUEUE, space.job.id, space.job)
  await space.mixer.frames(packets, 0, 50)
  await space.until(5)
  await first.close()
  await first.idle()
  expect((await space.chunks()).some(({ last }) => last)).toBe(false)
  await space.mixer.frames(packets, 50, 100)
  await space.mixer.end(100)
  const second = startTranscoder({ ports: space.ports, logger, registry: new Registry() })
  await space.until(18)
  await second.idle()
  const chunks = await space.chunks()
  expect(chunks.map(({ number }) => number)).toEqual(chunks.map((_, i) => i))
  expect(chunks.at(-1)).toMatchObject({ last: true })
  await second.close()
  await space.close()
})

test('a job that nobody can do is left out', async () => {
  const space = await openSpace()
  const transcoder = startTranscoder({ ports: space.ports, logger, registry: new Registry() })
  await space.ports.jobs.add(LIVE_QUEUE, 'x', { id: '../etc', startedAt: 'now' })
  await transcoder.idle()
  await transcoder.close()
  await space.close()
})
