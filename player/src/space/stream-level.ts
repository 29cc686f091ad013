import { onScopeDispose, watch, type Ref } from 'vue'

/**
 * How loud the stream of an audio element is, on the scale of the levels in the sound: 0 is −60 dBFS and below, 1 full scale. On stage nobody is
 * told the levels of the others, but their voices are here.
 */
export function useStreamLevel(
  audio: Readonly<Ref<HTMLAudioElement | null>>,
  isOn: () => boolean,
): () => number {
  let context: AudioContext | undefined
  let analyser: AnalyserNode | undefined
  const samples = new Float32Array(512)

  function close(): void {
    analyser?.disconnect()
    analyser = undefined
    void context?.close().catch(() => {})
    context = undefined
  }
  watch(
    isOn,
    (on) => {
      close()
      const stream = audio.value?.srcObject
      if (!on || !(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) return
      context = new AudioContext()
      analyser = new AnalyserNode(context, { fftSize: samples.length })
      context.createMediaStreamSource(stream).connect(analyser)
    },
    { flush: 'post', immediate: true },
  )
  onScopeDispose(close)

  return () => {
    if (!analyser) return 0
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    return Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 60))
  }
}
