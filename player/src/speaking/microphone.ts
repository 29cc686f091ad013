import type { Sound } from '@odeon/common/internal.ts'
import { StageFailure } from './refusal.ts'

/** The microphone, and how loud it is. */
export interface Microphone {
  readonly track: MediaStreamTrack
  /** Of the device, where the browser tells it. */
  readonly id: string | undefined
  readonly label: string
  /** 0 (−60 dBFS and below) to 1, as in the events of the stage; also while it is muted. */
  level(): number
  /** What it hears now, muted or not, for use within this page. The caller stops it. */
  listenIn(): MediaStreamTrack
  close(): void
}

/** A voice gets what the browser can do for it. What it would do to music can't be undone. The device is a wish: where it is gone, another is as good. */
export function wanted(sound: Sound, deviceId = ''): MediaTrackConstraints {
  const voice = sound === 'voice'
  return {
    ...(deviceId && { deviceId: { ideal: deviceId } }),
    echoCancellation: voice,
    noiseSuppression: voice,
    autoGainControl: voice,
    channelCount: voice ? 1 : 2,
  }
}
const METER_SAMPLES = 1024
const FLOOR_DB = -60

/** Asks for it. Throws StageFailure. To be called within a press: Safari lets no level be measured otherwise. */
export async function openMicrophone(sound: Sound, deviceId = ''): Promise<Microphone> {
  if (!window.isSecureContext)
    throw new StageFailure('insecure', 'A microphone needs a secure page: HTTPS, or localhost.')
  // Without a secure context, and in some web views, there is none.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (!devices?.getUserMedia || typeof RTCPeerConnection === 'undefined')
    throw new StageFailure('unsupported', 'This browser can’t speak to others.')
  const context = new AudioContext()
  let stream: MediaStream
  try {
    stream = await devices.getUserMedia({ audio: wanted(sound, deviceId) })
  } catch (error) {
    void context.close()
    throw microphoneFailure(error)
  }
  const track = stream.getAudioTracks()[0]!
  track.contentHint = sound === 'voice' ? 'speech' : 'music' // What the browser's encoder is tuned for.
  const meter = context.createAnalyser()
  meter.fftSize = METER_SAMPLES
  const ear = track.clone() // It hears on while the track is muted.
  context.createMediaStreamSource(new MediaStream([ear])).connect(meter)
  context.resume().catch(() => {})
  const samples = new Float32Array(METER_SAMPLES)
  return {
    track,
    id: track.getSettings().deviceId,
    label: track.label,
    level() {
      meter.getFloatTimeDomainData(samples)
      return loudness(samples)
    },
    listenIn: () => ear.clone(),
    close() {
      track.stop()
      ear.stop()
      if (context.state !== 'closed') void context.close()
    },
  }
}

/** RMS from −60 dBFS to full scale, as 0 to 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  const db = 10 * Math.log10(sum / samples.length + 1e-10)
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB))
}

/** getUserMedia's errors (Media Capture and Streams, §10.2.1). */
function microphoneFailure(error: unknown): StageFailure {
  const name = error instanceof DOMException ? error.name : ''
  const cause = { cause: error }
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new StageFailure('denied', 'The browser does not allow this page to use the microphone.', cause)
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new StageFailure('no-microphone', 'There is no microphone.', cause)
    case 'NotReadableError':
    case 'AbortError':
      return new StageFailure('no-microphone', 'The microphone is used by another program.', cause)
    default:
      return new StageFailure('error', 'The microphone could not be opened.', cause)
  }
}
