import { expect, test } from 'vitest'
import { MAX_HANDS, MAX_SAMPLE } from '@odeon/common/room.ts'
import { Hands } from './hands.ts'

const ids = (hands: Hands): string[] => hands.list(new Map()).map(({ id }) => id)

test('hands stand in the order in which they went up; a second raising keeps the place, a lowered one loses it', () => {
  const hands = new Hands()
  for (const id of ['ana', 'ben', 'cleo', 'ana']) hands.raise(id, id, 0)
  expect(ids(hands)).toEqual(['ana', 'ben', 'cleo'])
  hands.lower('ana')
  hands.raise('ana', 'ana', 1)
  expect(ids(hands)).toEqual(['ben', 'cleo', 'ana'])
})

test('a full queue takes no more, and counts them', () => {
  const hands = new Hands()
  for (let n = 0; n < MAX_HANDS + 5; n++) hands.raise(`user${n}`, 'User', 0)
  expect(ids(hands)).toHaveLength(MAX_HANDS)
  expect(hands.refused).toBe(5)
  expect(hands.raise('user0', 'User', 0)).toBe(true)
})

test('a hand of whom nothing is heard goes down', () => {
  const hands = new Hands({ lifeMs: 1000 })
  hands.raise('ana', 'Ana', 0)
  hands.raise('ben', 'Ben', 0)
  hands.alive(['ben', 'stranger'], 900)
  hands.expire(1500)
  expect(ids(hands)).toEqual(['ben'])
})

test('another mixer goes on with the same queue; of the audience the newest few are known', () => {
  const [before, after] = [new Hands(), new Hands()]
  for (const id of ['ana', 'ben']) before.raise(id, id, 0)
  for (let n = 0; n < 50; n++) before.sample({ id: `user${n}`, name: `User ${n}` })
  after.restore(before.list(new Map()), before.sampled(), 5000)
  expect(ids(after)).toEqual(['ana', 'ben'])
  expect(after.sampled()).toHaveLength(MAX_SAMPLE)
  expect(after.sampled().at(-1)).toEqual({ id: 'user49', name: 'User 49' })
})
