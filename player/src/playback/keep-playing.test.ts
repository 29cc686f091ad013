import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepPlaying, type KeepPlayingOptions } from './keep-playing.ts'
import type { OpenSound, SoundOptions } from './sound.ts'
import type { PlaybackState } from './state.ts'

/** What a browser's audio element does, as far as it matters here: it plays when told to, at the speed of the clock. */
class Element extends EventTarget {
  currentTime = 0
  paused = true
  ended = false
  allowed = true
  play(): Promise<void> {
    if (!this.allowed) return Promise.reject(new DOMException('Press first.', 'NotAllowedError'))
    this.paused = false
    return Promise.resolve()
  }
}

let element: Element
let opened: SoundOptions[]
let states: PlaybackState[]
let stop: AbortController
let complete: boolean

const open: OpenSound = (options) => {
  opened.push(options)
  return {
    playingDate: () => null,
    livePosition: () => element.currentTime,
    ahead: () => (complete ? 0 : 1),
    complete: () => complete,
    recoverMedia: () => {},
    close: () => {},
  }
}

function start(options: Partial<KeepPlayingOptions> = {}): Promise<void> {
  return keepPlaying({
    audio: element as unknown as HTMLAudioElement,
    url: '/live/x/index.m3u8',
    kind: 'live',
    load: () => open,
    onEvents: () => {},
    onSound: () => {},
    onState: (state) => states.push(state),
    isOver: () => Promise.resolve(false),
    signal: stop.signal,
    ...options,
  })
}

/** Time passes, and the sound with it. */
async function hear(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    element.currentTime += 0.1
    await vi.advanceTimersByTimeAsync(100)
  }
}
const kinds = (): string[] => states.map(({ kind }) => kind)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('addEventListener', () => {})
  element = new Element()
  opened = []
  states = []
  stop = new AbortController()
  complete = false
})
afterEach(() => {
  stop.abort()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

test('the element plays before the press is over', () => {
  void start()
  expect(element.paused).toBe(false)
  expect(kinds()).toEqual(['loading'])
})

test('it is playing when the sound moves, not when it was told to', async () => {
  void start()
  await vi.advanceTimersByTimeAsync(900)
  expect(kinds()).toEqual(['loading'])
  await hear(300)
  expect(kinds()).toEqual(['loading', 'playing'])
})

test('when the network fails a new sound is made after a pause, and the listener is told', async () => {
  void start()
  await hear(500)
  opened[0]!.onTrouble({ kind: 'network', status: 0 })
  await vi.advanceTimersByTimeAsync(0)
  expect(states.at(-1)).toEqual({ kind: 'reconnecting', attempt: 1 })
  expect(opened).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(500)
  expect(opened).toHaveLength(2)
  await hear(500)
  expect(states.at(-1)).toEqual({ kind: 'playing' })
})

test('one error of the decoder is repaired, a second one makes a new sound', async () => {
  void start()
  await hear(500)
  opened[0]!.onTrouble({ kind: 'media' })
  await hear(500)
  expect(kinds()).not.toContain('reconnecting')
  opened[0]!.onTrouble({ kind: 'media' })
  await vi.advanceTimersByTimeAsync(600)
  expect(kinds()).toContain('reconnecting')
  expect(opened).toHaveLength(2)
})

test('a playlist that is gone is the end if the space is over, and loading if it has just begun', async () => {
  let over = false
  const playing = start({ isOver: () => Promise.resolve(over) })
  opened[0]!.onTrouble({ kind: 'network', status: 404 })
  await vi.advanceTimersByTimeAsync(600)
  expect(kinds()).toEqual(['loading'])
  over = true
  opened[1]!.onTrouble({ kind: 'network', status: 404 })
  await playing
  expect(kinds()).toEqual(['loading', 'ended'])
})

test('when the last sound of a finished space has been heard, it has ended', async () => {
  const playing = start()
  await hear(500)
  complete = true
  await vi.advanceTimersByTimeAsync(1500)
  await playing
  expect(kinds().at(-1)).toBe('ended')
})

test('a browser that wants a press first has paused; one that can’t play HLS is not supported', async () => {
  element.allowed = false
  await start()
  expect(kinds()).toEqual(['loading', 'paused'])
  states = []
  await start({ load: () => null })
  expect(kinds()).toEqual(['loading', 'unsupported'])
})

test('who stops it is told nothing more', async () => {
  const playing = start()
  await hear(500)
  stop.abort()
  await playing
  expect(kinds()).toEqual(['loading', 'playing'])
})
