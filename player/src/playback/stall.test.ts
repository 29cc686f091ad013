import { expect, test } from 'vitest'
import { StallWatch, type Vitals, type Verdict } from './stall.ts'

/** Looks at sound that stands still, with 2 s of it ahead and a server that answers, unless told otherwise. */
const standing = (watch: StallWatch, now: number, vitals: Partial<Vitals> = {}, complete = false): Verdict =>
  watch.look({ now, position: 7, ahead: 2, answeredAt: now, ...vitals }, complete)

function playing(): StallWatch {
  const watch = new StallWatch(0)
  watch.look({ now: -20, position: 6.98, ahead: 2, answeredAt: 0 })
  watch.look({ now: 0, position: 7, ahead: 2, answeredAt: 0 })
  return watch
}

test('sound that stands still is told of after one second and moved to the live edge after three', () => {
  const watch = playing()
  expect([900, 1000, 2900, 3000].map((now) => standing(watch, now))).toEqual([
    'fine',
    'stalled',
    'stalled',
    'seek',
  ])
})

test('when the seek did not help for three seconds, it is begun anew', () => {
  const watch = playing()
  expect(standing(watch, 3000)).toBe('seek')
  watch.sought(3000, 9)
  expect(standing(watch, 5900, { position: 9 })).toBe('stalled')
  expect(standing(watch, 6000, { position: 9 })).toBe('renew')
})

test('a stall is over when the sound moves', () => {
  const watch = playing()
  expect(standing(watch, 2000)).toBe('stalled')
  expect(watch.look({ now: 2100, position: 7.1, ahead: 2, answeredAt: 0 })).toBe('fine')
  expect(standing(watch, 5000, { position: 7.1 })).toBe('stalled')
})

test('while the stage itself is silent and the server answers, it waits instead of saying the last words again', () => {
  const watch = playing()
  expect(standing(watch, 30_000, { ahead: 0.1, answeredAt: 24_000 })).toBe('stalled')
})

test('when nobody has answered for eight seconds, it is begun anew', () => {
  const watch = playing()
  expect(standing(watch, 8000, { ahead: 0, answeredAt: 1000 })).toBe('stalled')
  expect(standing(watch, 9000, { ahead: 0, answeredAt: 1000 })).toBe('renew')
})

test('the first sound may take eight seconds on a slow network', () => {
  const watch = new StallWatch(0)
  expect([0, 7900, 8000].map((now) => standing(watch, now, { position: 0 }))).toEqual([
    'fine',
    'stalled',
    'seek',
  ])
})

test('sound that stands at the end of a finished space is over', () => {
  const watch = playing()
  expect(standing(watch, 1000, { ahead: 0.2 }, true)).toBe('over')
  expect(standing(playing(), 1000, { ahead: 3 }, true)).toBe('stalled')
})

test('sound that rests has not stalled', () => {
  const watch = playing()
  watch.rest(10_000)
  expect(standing(watch, 10_500)).toBe('fine')
})

test('a jump is no proof that it plays', () => {
  const watch = new StallWatch(0)
  standing(watch, 100, { position: 0 })
  watch.jumped(17)
  expect(standing(watch, 200, { position: 17 })).toBe('fine')
  expect(watch.played).toBe(false)
  expect(watch.look({ now: 300, position: 17.1, ahead: 2, answeredAt: 0 })).toBe('fine')
  expect(watch.played).toBe(true)
})
