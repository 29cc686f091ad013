import type { StageState } from '../speaking/stage.ts'

/** The message key of what he is told whose hand is up. */
export function handWords(state: StageState): string {
  if (state.kind === 'asking') return 'speak.asking'
  if (state.kind !== 'ready') return 'voice.handNoMic'
  return state.crowded ? 'voice.handCrowded' : 'voice.handReady'
}
