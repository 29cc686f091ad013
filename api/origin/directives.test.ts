import { expect, test } from 'vitest'
import { AAC, OPUS } from '@odeon/common/rendition.ts'
import { advancePartLimit, decide, parseDirectives } from './directives.ts'
import { endWindow, windowOf } from './harness.ts'

/** Ten complete segments (0 to 9), and segment 10 with three whole parts and a half: the next is 10.3. */
const live = windowOf({ segments: 10, chunks: 7 })
const ask = (query: string, window = live) => decide(window, parseDirectives(new URLSearchParams(query))).kind

test('without directives the answer is the playlist as it is', () => {
  expect(ask('')).toBe('now')
})

test('_HLS_msn alone waits for the complete segment', () => {
  expect(ask('_HLS_msn=9')).toBe('now')
  expect(ask('_HLS_msn=10')).toBe('wait')
  expect(ask('_HLS_msn=11')).toBe('wait')
})

test('_HLS_msn with _HLS_part waits for the part', () => {
  expect(ask('_HLS_msn=10&_HLS_part=2')).toBe('now')
  expect(ask('_HLS_msn=10&_HLS_part=3')).toBe('wait')
  expect(ask('_HLS_msn=11&_HLS_part=0')).toBe('wait')
})

test('a part beyond the last of its segment is part 0 of the next segment', () => {
  expect(ask('_HLS_msn=9&_HLS_part=9')).toBe('now')
  expect(ask('_HLS_msn=9&_HLS_part=9', windowOf({ segments: 10, chunks: 1 }))).toBe('wait')
  expect(ask('_HLS_msn=9&_HLS_part=9', windowOf({ segments: 10, chunks: 2 }))).toBe('now')
  expect(ask('_HLS_msn=10&_HLS_part=9')).toBe('wait')
})

test('an Opus segment has eight parts: the ninth is the first of the next', () => {
  const opus = (chunks: number) => windowOf({ rendition: OPUS, segments: 10, chunks })
  expect(ask('_HLS_msn=10&_HLS_part=1', opus(5))).toBe('wait')
  expect(ask('_HLS_msn=10&_HLS_part=1', opus(6))).toBe('now')
  expect(ask('_HLS_msn=9&_HLS_part=8', opus(2))).toBe('wait')
  expect(ask('_HLS_msn=9&_HLS_part=8', opus(3))).toBe('now')
})

test('an old segment is answered at once, in the window or out of it, whatever the part', () => {
  expect(ask('_HLS_msn=0', windowOf({ segments: 40 }))).toBe('now')
  expect(ask('_HLS_msn=3&_HLS_part=900')).toBe('now')
})

test('more than two segments ahead of the last is refused, and what is nearer is held', () => {
  expect(ask('_HLS_msn=11&_HLS_part=8')).toBe('wait')
  expect(ask('_HLS_msn=12')).toBe('refuse')
  expect(ask('_HLS_msn=9007199254740991')).toBe('refuse')
})

test('a part further ahead than the advance part limit is refused', () => {
  expect([advancePartLimit(AAC), advancePartLimit(OPUS)]).toEqual([14, 12])
  const limit = advancePartLimit(AAC)
  expect(ask(`_HLS_msn=10&_HLS_part=${2 + limit}`)).toBe('wait')
  expect(ask(`_HLS_msn=10&_HLS_part=${3 + limit}`)).toBe('refuse')
})

test.each(['abc', '-1', '1.5', '', '1e3', '0x10', ' 1', '99999999999999999999', 'NaN', '٣'])(
  'a directive that is not a whole number is refused: "%s"',
  (value) => {
    expect(ask(new URLSearchParams({ _HLS_msn: value }).toString())).toBe('refuse')
    expect(ask(new URLSearchParams({ _HLS_msn: '3', _HLS_part: value }).toString())).toBe('refuse')
  },
)

test('a directive given twice and a part without its segment are refused', () => {
  expect(ask('_HLS_msn=9&_HLS_msn=9')).toBe('refuse')
  expect(ask('_HLS_skip=YES&_HLS_skip=YES')).toBe('refuse')
  expect(ask('_HLS_part=0')).toBe('refuse')
})

test('unknown directives and other parameters are passed over', () => {
  expect(ask('_HLS_future=x&token=y&_HLS_msn=9')).toBe('now')
})

test('a delta update is for YES and v2 alone', () => {
  const skip = (query: string) => decide(live, parseDirectives(new URLSearchParams(query)))
  expect(skip('_HLS_skip=YES')).toEqual({ kind: 'now', skip: true })
  expect(skip('_HLS_skip=v2')).toEqual({ kind: 'now', skip: true })
  expect(skip('_HLS_skip=no')).toEqual({ kind: 'now', skip: false })
})

test('after the end every directive is ignored, even a wrong one', () => {
  const ended = endWindow(windowOf({ segments: 10, chunks: 7 }), 2)
  for (const query of ['_HLS_msn=99', '_HLS_msn=x', '_HLS_part=1', '_HLS_skip=YES'])
    expect(decide(ended, parseDirectives(new URLSearchParams(query)))).toEqual({ kind: 'now', skip: false })
})

test('before the first segment is complete a plain request waits, and one for a part gets it', () => {
  const first = windowOf({ chunks: 6 })
  expect(ask('', first)).toBe('wait')
  expect(ask('_HLS_msn=0&_HLS_part=2', first)).toBe('now')
  expect(ask('_HLS_msn=0&_HLS_part=3', first)).toBe('wait')
  expect(ask('_HLS_msn=2', first)).toBe('refuse')
  expect(ask('', windowOf({ segments: 1 }))).toBe('now')
})

test('a space that ended without a frame has no playlist', () => {
  expect(ask('', endWindow(endWindowOfNothing(), 0))).toBe('nothing')
})

function endWindowOfNothing() {
  const window = windowOf({ chunks: 0 })
  window.next = { msn: 0, chunk: 0 }
  window.startedAt = Date.UTC(2026, 10, 3, 10, 0, 0, 40)
  return window
}
