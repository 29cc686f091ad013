import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Niceness } from './testing/niceness.ts'

const script = fileURLToPath(new URL('./testing/niceness.ts', import.meta.url))

async function niceness(execArgv: string[] = [], startedAt = 0): Promise<Niceness> {
  const child = fork(
    script,
    startedAt > 0
      ? { execPath: 'nice', execArgv: ['-n', String(startedAt), process.execPath, ...execArgv] }
      : { execArgv },
  )
  const ended = once(child, 'exit')
  const early = ended.then(() => Promise.reject(new Error('It ended before it said anything.')))
  const [threads] = (await Promise.race([once(child, 'message'), early])) as [Niceness]
  child.disconnect()
  await ended
  return threads
}

test.runIf(process.platform === 'linux')(
  'packets go behind the beat, and V8’s helpers behind both where the beat waits for none of them',
  async () => {
    const flags = ['--no-parallel-scavenge']
    const [alone, byItself, nice] = await Promise.all([niceness(flags), niceness(), niceness(flags, 12)])
    for (const { beat, packets } of [alone, byItself, nice]) expect(packets).toBeGreaterThan(beat)
    for (const helper of nice.helpers) expect(helper).toBeGreaterThan(nice.packets)
    expect(alone.helpers.length).toBeGreaterThan(0)
    for (const helper of alone.helpers) expect(helper).toBeGreaterThan(alone.packets)
    expect(new Set(byItself.helpers)).toEqual(new Set([byItself.beat]))
  },
)
