import { expect, test } from 'vitest'
import { TalkDetector } from './talking.ts'

const run = (levels: number[]): boolean[] => {
  const detector = new TalkDetector()
  return levels.map((level) => detector.update(level))
}
const times = (count: number, level: number): number[] => Array<number>(count).fill(level)

test('a voice is talking within two frames and until 400 ms after it ends', () => {
  const talking = run([...times(10, -70), ...times(10, -25), ...times(30, -70)])
  expect(talking.indexOf(true)).toBe(11)
  expect(talking.lastIndexOf(true)).toBe(10 + 10 + 18)
})

test('the pauses between words do not make it flicker', () => {
  const word = [...times(8, -25), ...times(12, -70)]
  const talking = run([...times(10, -70), ...word, ...word, ...word])
  expect(new Set(talking.slice(11))).toEqual(new Set([true]))
})

test('a single click is no talk, and a steady hum stops being one', () => {
  expect(run([...times(10, -80), -10, ...times(10, -80)])).not.toContain(true)
  expect(run(times(50 * 20, -42)).at(-1)).toBe(false)
})
