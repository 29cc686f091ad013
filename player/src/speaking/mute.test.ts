import { expect, test } from 'vitest'
import { settleMute } from './mute.ts'

const open = { muted: false, at: 0 }
const closed = { muted: true, at: 0 }

test('what the speaker just did counts until the stage can know of it', () => {
  expect(settleMute(closed, 'no', 1000)).toMatchObject({ muted: 'self', tell: false })
  expect(settleMute(open, 'host', 1000)).toMatchObject({ muted: 'no' })
})

test('the host mutes, and takes it back', () => {
  const { muted, wish } = settleMute(open, 'host', 60_000)
  expect(muted).toBe('host')
  expect(settleMute(wish, 'no', 61_000).muted).toBe('no')
})

test('nobody but its owner opens a microphone that he closed: the stage is told again', () => {
  expect(settleMute(closed, 'no', 60_000)).toEqual({
    muted: 'self',
    wish: { muted: true, at: 60_000 },
    tell: true,
  })
})

test('who was muted by himself on stage is so when he returns', () => {
  expect(settleMute(open, 'self', 60_000)).toEqual({
    muted: 'self',
    wish: { muted: true, at: 60_000 },
    tell: false,
  })
})
