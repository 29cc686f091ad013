import { Governor } from './governor.ts'
import type { Sound } from './sound.ts'

const LOOK_MS = 50

/** Smaller gaps are rounding; the browser plays across them. */
const GAP = 0.05

/** Seconds of sound that lie ready in front of the playhead, without a gap. */
function readyAhead({ buffered, currentTime }: HTMLAudioElement): number {
  let end = currentTime
  for (let n = 0; n < buffered.length; n++) {
    if (buffered.start(n) <= end + GAP && buffered.end(n) > end) end = buffered.end(n)
  }
  return end - currentTime
}

/** Lets a governor set the rate of a live sound until it is closed. */
export function governed(sound: Sound, audio: HTMLAudioElement): Sound {
  const governor = new Governor()
  const released = new AbortController()
  const { signal } = released
  let moving = false // By the governor itself.
  let played = false

  const look = (): void => {
    const playing = !audio.paused && !audio.seeking && audio.readyState > HTMLMediaElement.HAVE_CURRENT_DATA
    if (playing && audio.currentTime > 0) played = true
    const now = performance.now() / 1000
    const advice = governor.update({ now, buffer: readyAhead(audio), rate: audio.playbackRate, playing })
    if (audio.playbackRate !== advice.rate) audio.playbackRate = advice.rate
    if (advice.skip === undefined) return
    moving = true
    audio.currentTime += Math.min(advice.skip, Math.max(0, readyAhead(audio) - governor.aim))
  }
  const timer = setInterval(look, LOOK_MS)
  audio.addEventListener('timeupdate', look, { signal }) // Timers of hidden pages are slow.
  audio.addEventListener(
    'waiting',
    () => {
      if (played && !audio.seeking) governor.stalled()
    },
    { signal },
  )
  audio.addEventListener(
    'seeking',
    () => {
      if (!moving) governor.moved()
      moving = false
    },
    { signal },
  )
  return {
    ...sound,
    close() {
      clearInterval(timer)
      released.abort()
      audio.playbackRate = 1
      sound.close()
    },
  }
}
