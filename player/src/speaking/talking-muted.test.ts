import { expect, test } from 'vitest'
import { TalkingMuted } from './talking-muted.ts'

/** Readings every 50 ms: what is said of each stretch of [level, ms] at its end. */
function hear(...stretches: [level: number, ms: number][]): boolean[] {
  const ear = new TalkingMuted()
  let at = 1000
  return stretches.map(([level, ms]) => {
    let talking = false
    for (const end = at + ms; at < end; at += 50) talking = ear.hear(level, at)
    return talking
  })
}

test('half a second of a voice is talk; a cough is not', () => {
  expect(hear([0.1, 2000], [0.7, 700])).toEqual([false, true])
  expect(hear([0.1, 2000], [0.8, 300], [0.1, 2000])).toEqual([false, false, false])
})

test('the end of the sentence in which he muted himself is nobody’s business', () => {
  expect(hear([0.7, 900], [0.1, 2000])).toEqual([false, false])
})

test('a loud room is not talk, but a voice in it is', () => {
  expect(hear([0.5, 5000])).toEqual([false])
  expect(hear([0.45, 5000], [0.75, 800])).toEqual([false, true])
})

test('it is no longer said when he has been quiet for some seconds', () => {
  expect(hear([0.1, 2000], [0.7, 1000], [0.1, 4000], [0.1, 4000])).toEqual([false, true, true, false])
})
