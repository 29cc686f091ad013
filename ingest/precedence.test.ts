import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Niceness } from './testing/niceness.ts'

const script = fileURLToPath(new URL('./testing/niceness.ts', import.meta.url))

async function niceness(...execArgv: string[]): Promise<Niceness> {
  const child = fork(script, { execArgv })
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
    const [alone, byItself] = await Promise.all([niceness('--no-parallel-scavenge'), niceness()])
    for (const { beat, packets } of [alone, byItself]) expect(packets).toBeGreaterThan(beat)
    expect(alone.helpers.length).toBeGreaterThan(0)
    for (const helper of alone.helpers) expect(helper).toBeGreaterThan(alone.packets)
    expect(new Set(byItself.helpers)).toEqual(new Set([byItself.beat]))
  },
)
