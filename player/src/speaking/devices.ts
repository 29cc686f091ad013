import { onScopeDispose, readonly, shallowRef, type Ref } from 'vue'

export interface Device {
  id: string
  label: string
}

export interface Devices {
  microphones: Device[]
  loudspeakers: Device[]
}

/** Chrome lists some devices twice, under the name of what they are for; that is what no choice means. */
const ROLES = new Set(['', 'default', 'communications'])

/** What can be chosen, from what the browser lists (Media Capture and Streams, §9.2); nothing before it may be known. */
export function devicesOf(listed: readonly Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[]): Devices {
  const of = (kind: MediaDeviceKind): Device[] =>
    listed
      .filter((one) => one.kind === kind && !ROLES.has(one.deviceId) && one.label !== '')
      .map(({ deviceId, label }) => ({ id: deviceId, label }))
  return { microphones: of('audioinput'), loudspeakers: of('audiooutput') }
}

/** The devices of this machine, told anew when one comes or goes. The browser names them once the microphone is allowed: `look` then. */
export function useDevices(onChange: (now: Devices) => void = () => {}): {
  devices: Readonly<Ref<Devices>>
  look(): Promise<void>
} {
  const devices = shallowRef<Devices>({ microphones: [], loudspeakers: [] })
  const media = navigator.mediaDevices as MediaDevices | undefined
  const look = async (): Promise<void> => {
    devices.value = devicesOf((await media?.enumerateDevices?.()) ?? [])
  }
  const changed = (): void => {
    look().then(
      () => onChange(devices.value),
      () => {}, // What was known stays.
    )
  }
  media?.addEventListener?.('devicechange', changed)
  onScopeDispose(() => media?.removeEventListener?.('devicechange', changed))
  void look().catch(() => {})
  return { devices: readonly(devices) as Readonly<Ref<Devices>>, look }
}
