import { onScopeDispose, readonly, ref, type Ref } from 'vue'
import type { Microphone } from './microphone.ts'
import { playThroughChosen } from './loudspeaker.ts'

/** Hearing oneself: a few seconds are recorded, here in the page, and played back. Nothing is sent or kept. */
export const OWN_VOICE_MS = 4000

export const canHearOneself = 'MediaRecorder' in globalThis

export type OwnVoiceState = 'idle' | 'recording' | 'playing'

export interface OwnVoice {
  state: Readonly<Ref<OwnVoiceState>>
  /** Records and plays; resolves when it was heard, or stopped. Rejects when the browser can't. */
  hear(microphone: Microphone): Promise<void>
  stop(): void
}

export function useOwnVoice(): OwnVoice {
  const state = ref<OwnVoiceState>('idle')
  let turn: AbortController | undefined
  onScopeDispose(() => turn?.abort())
  return {
    state: readonly(state),
    async hear(microphone) {
      if (turn) return
      const { signal } = (turn = new AbortController())
      try {
        state.value = 'recording'
        const said = await record(microphone.listenIn(), OWN_VOICE_MS, signal)
        if (signal.aborted) return
        state.value = 'playing'
        await playToEnd(said, signal)
      } finally {
        state.value = 'idle'
        turn = undefined
      }
    },
    stop: () => turn?.abort(),
  }
}

/** Stops the track. */
function record(track: MediaStreamTrack, ms: number, signal: AbortSignal): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const recorder = new MediaRecorder(new MediaStream([track]))
    const chunks: Blob[] = []
    const end = (): void => {
      clearTimeout(timer)
      if (recorder.state !== 'inactive') recorder.stop()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    recorder.ondataavailable = ({ data }) => void chunks.push(data)
    recorder.onerror = () => reject(new Error('The browser could not record.'))
    recorder.onstop = () => {
      track.stop()
      resolve(new Blob(chunks, { type: recorder.mimeType }))
    }
    recorder.start()
  })
}

async function playToEnd(sound: Blob, signal: AbortSignal): Promise<void> {
  const url = URL.createObjectURL(sound)
  const audio = new Audio(url)
  try {
    await playThroughChosen(audio)
    await new Promise<void>((resolve, reject) => {
      audio.onended = () => resolve()
      audio.onerror = () => reject(new Error('The browser can’t play what it has recorded.'))
      signal.addEventListener('abort', () => resolve())
      audio.play().catch(reject)
    })
  } finally {
    audio.pause()
    URL.revokeObjectURL(url)
  }
}
