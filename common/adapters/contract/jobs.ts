import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Job, Jobs } from '../../ports.ts'

/** What every adapter of `Jobs` must do. */
export function describeJobs(name: string, open: () => Promise<Jobs>): void {
  describe(`Jobs, ${name}`, () => {
    let jobs: Jobs
    beforeEach(async () => void (jobs = await open()))
    afterEach(() => jobs.close())

    test('a job is run with its data, whether it was there before the worker or came after', async () => {
      await jobs.add('{q}', 'before', { n: 1 })
      const seen: Job[] = []
      jobs.work('{q}', (job) => (seen.push(job), Promise.resolve()))
      await jobs.add('{q}', 'after', { n: 2 })
      await expect.poll(() => seen.length).toBe(2)
      expect(seen.map(({ id, data }) => ({ id, data }))).toEqual([
        { id: 'before', data: { n: 1 } },
        { id: 'after', data: { n: 2 } },
      ])
    })

    test('a job is not added twice while it waits or runs, and again once it is done', async () => {
      let runs = 0
      const gate = Promise.withResolvers<void>()
      jobs.work('{q}', async () => {
        runs++
        await gate.promise
      })
      await jobs.add('{q}', 'one', {})
      await expect.poll(() => runs).toBe(1)
      await jobs.add('{q}', 'one', {})
      gate.resolve()
      await expect.poll(() => jobs.add('{q}', 'one', {}).then(() => runs)).toBe(2)
    })

    test('a job that throws is run again', async () => {
      let runs = 0
      jobs.work('{q}', () => {
        if (++runs < 3) throw new Error('not yet')
        return Promise.resolve()
      })
      await jobs.add('{q}', 'one', {})
      await expect.poll(() => runs).toBe(3)
    })

    test('many jobs run side by side', async () => {
      let running = 0
      const gate = Promise.withResolvers<void>()
      jobs.work('{q}', async () => {
        running++
        await gate.promise
      })
      for (let n = 0; n < 20; n++) await jobs.add('{q}', `job-${n}`, {})
      await expect.poll(() => running).toBe(20)
      gate.resolve()
    })

    test('a job that waits can be forgotten; one that runs goes on', async () => {
      const gate = Promise.withResolvers<void>()
      const done: string[] = []
      const handler = async ({ id }: Job): Promise<void> => {
        await gate.promise
        done.push(id)
      }
      await jobs.add('{q}', 'waits', {})
      await jobs.forget('{q}', 'waits')
      await jobs.forget('{q}', 'never there')
      let running = 0
      jobs.work('{q}', (job) => (running++, handler(job)))
      await jobs.add('{q}', 'runs', {})
      await expect.poll(() => running).toBe(1)
      await jobs.forget('{q}', 'runs')
      gate.resolve()
      await expect.poll(() => done).toEqual(['runs'])
    })

    test('a worker takes no more at once than it said; another takes the rest', async () => {
      const gate = Promise.withResolvers<void>()
      let running = 0
      const few = async (): Promise<void> => {
        running++
        await gate.promise
      }
      jobs.work('{q}', few, { most: 3 })
      for (let n = 0; n < 5; n++) await jobs.add('{q}', `job-${n}`, {})
      await expect.poll(() => running).toBe(3)
      const rest: string[] = []
      jobs.work('{q}', ({ id }) => (rest.push(id), Promise.resolve()))
      await expect.poll(() => rest).toHaveLength(2)
      expect(running).toBe(3)
      gate.resolve()
    })

    test('of two workers of one queue, either goes on when the other closes', async () => {
      const seen: string[] = []
      const worker = (name: string) =>
        jobs.work('{q}', ({ id }) => Promise.resolve(void seen.push(name + id)))
      const workers = [worker('a'), worker('b')]
      await workers[1]!.close()
      await jobs.add('{q}', '1', {})
      await expect.poll(() => seen).toEqual(['a1'])
      workers.push(worker('c'))
      await workers[0]!.close()
      await jobs.add('{q}', '2', {})
      await expect.poll(() => seen).toEqual(['a1', 'c2'])
    })

    test('a worker that closes tells its jobs and waits for them; another takes up what they left', async () => {
      const first = jobs.work('{q}', async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new Error('not finished')
      })
      await jobs.add('{q}', 'long', { n: 7 })
      await first.close()
      await first.close()
      const { promise, resolve } = Promise.withResolvers<unknown>()
      jobs.work('{q}', ({ data }) => Promise.resolve(resolve(data)))
      expect(await promise).toEqual({ n: 7 })
    })
  })
}
