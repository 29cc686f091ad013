import { expect, test } from 'vitest'
import { createTurnstile } from './turnstile.ts'

const turned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a few enter at once, the others by portions, in order, with a turn of the event loop between', async () => {
  const { pass } = createTurnstile({ aTurn: 3 })
  const entered: number[] = []
  for (let n = 0; n < 8; n++) pass(() => entered.push(n))
  expect(entered).toEqual([0, 1, 2])
  await turned()
  expect(entered).toEqual([0, 1, 2, 3, 4, 5])
  await turned()
  expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('who finds too many waiting is turned away, and let in later', async () => {
  const { pass } = createTurnstile({ aTurn: 1, most: 2 })
  const nothing = (): void => {}
  expect([pass(nothing), pass(nothing), pass(nothing), pass(nothing)]).toEqual([true, true, true, false])
  await turned()
  await turned()
  expect(pass(nothing)).toBe(true)
})
