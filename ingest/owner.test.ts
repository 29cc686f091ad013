import { expect, test } from 'vitest'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { openSqliteStore } from '@odeon/common/adapters/embedded/store.ts'
import { encodeLogEntry, frameId } from '@odeon/common/frame.ts'
import { logKey } from '@odeon/common/keys.ts'
import { claimSpace } from './owner.ts'

const id = 'testspace'
const silence = encodeLogEntry({ kind: 'frame', opus: Uint8Array.of(0xf8), events: [] })
const open = () => ({ log: openMemoryLog(), store: openSqliteStore({ file: ':memory:' }) })

test('the first owner begins with the frame of the clock', async () => {
  const claim = await claimSpace({ ...open(), id, owner: 'a', startedAt: 1000, now: 1090 })
  expect(claim.nextFrame).toBe(4)
  expect(claim.lease.epoch).toBeGreaterThan(0)
})

test('a new owner goes on after the last frame or with the clock, whichever is later, and the older one is fenced off', async () => {
  const ports = open()
  const first = await claimSpace({ ...ports, id, owner: 'a', startedAt: 0, now: 0 })
  for (let frame = 0; frame < 10; frame++)
    await ports.log.append(logKey(id), frameId(first.lease.epoch, frame), silence)
  await expect(claimSpace({ ...ports, id, owner: 'b', startedAt: 0, now: 100 })).rejects.toMatchObject({
    code: 'owned_elsewhere',
  })
  await ports.store.release(first.lease)
  const second = await claimSpace({ ...ports, id, owner: 'b', startedAt: 0, now: 100 })
  expect(second.nextFrame).toBe(10)
  expect(await ports.log.append(logKey(id), frameId(first.lease.epoch, 10), silence)).toBe('refused')
  expect(await ports.log.append(logKey(id), frameId(second.lease.epoch, 10), silence)).toBe('written')
  await ports.store.release(second.lease)
  expect((await claimSpace({ ...ports, id, owner: 'c', startedAt: 0, now: 5000 })).nextFrame).toBe(250)
})

test('a space that has ended has no new owner, and the lease is given back', async () => {
  const ports = open()
  const first = await claimSpace({ ...ports, id, owner: 'a', startedAt: 0, now: 0 })
  await ports.log.append(
    logKey(id),
    frameId(first.lease.epoch, 0),
    encodeLogEntry({ kind: 'end', reason: 'host' }),
  )
  await ports.store.release(first.lease)
  for (let tries = 0; tries < 2; tries++)
    await expect(claimSpace({ ...ports, id, owner: 'b', startedAt: 0, now: 0 })).rejects.toMatchObject({
      code: 'already_ended',
    })
})
