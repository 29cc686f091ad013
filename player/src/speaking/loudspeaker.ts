import { watch, type Ref } from 'vue'
import { loudspeakerId } from './choices.ts'

/** Not in Safari, and on no phone. */
export const canChooseLoudspeaker = 'setSinkId' in HTMLMediaElement.prototype

/** An element plays through the chosen loudspeaker; through the system's when that one is not there. */
export const playThroughChosen = (element: HTMLMediaElement): Promise<void> =>
  canChooseLoudspeaker
    ? element.setSinkId(loudspeakerId.value).catch(() => element.setSinkId('').catch(() => {}))
    : Promise.resolve()

/** These elements play through the loudspeaker that is chosen. Ends with its scope. */
export function useLoudspeaker(...elements: Readonly<Ref<HTMLAudioElement | null>>[]): void {
  watch(
    [loudspeakerId, ...elements],
    ([, ...playing]) => {
      for (const element of playing as (HTMLAudioElement | null)[])
        if (element) void playThroughChosen(element)
    },
    { immediate: true },
  )
}
