import { watch, type Ref } from 'vue'

export interface BreathingOptions {
  /** The element whose descendants with `data-user-id` breathe. */
  stage: Readonly<Ref<HTMLElement | null>>
  talking(): readonly string[]
  /** 0 to 1. */
  levelOf(id: string): number
}

/** A level is decibels from −60 to 0: a voice moves between −42 and −12, and that is the whole way of the ring. */
const visible = (level: number): number => Math.min(1, Math.max(0, (level - 0.3) / 0.5))
/** A ring rises at once and sinks slowly, a share of the way at each frame. */
const RISE = 0.5
const SINK = 0.12

/** Writes `--level` on the voices of those who talk before each picture of the screen; rests while nobody talks. */
export function useBreathing({ stage, talking, levelOf }: BreathingOptions): void {
  const still = window.matchMedia('(prefers-reduced-motion: reduce)')
  watch(
    [stage, () => talking().join(' ')],
    ([element, ids], _old, onCleanup) => {
      if (!element || !ids || still.matches) return
      const voices = ids.split(' ').flatMap((id) => {
        const voice = element.querySelector<HTMLElement>(`[data-user-id="${CSS.escape(id)}"] .voice`)
        return voice ? [{ id, voice, level: 0, shown: '' }] : []
      })
      let frame = requestAnimationFrame(function draw() {
        frame = requestAnimationFrame(draw)
        for (const one of voices) {
          const wanted = visible(levelOf(one.id))
          one.level += (wanted - one.level) * (wanted > one.level ? RISE : SINK)
          const shown = one.level.toFixed(2) // Finer steps are less than a pixel.
          if (shown !== one.shown) one.voice.style.setProperty('--level', (one.shown = shown))
        }
      })
      onCleanup(() => {
        cancelAnimationFrame(frame)
        for (const { voice } of voices) voice.style.setProperty('--level', '0')
      })
    },
    { flush: 'post', immediate: true },
  )
}
