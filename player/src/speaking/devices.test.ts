import { expect, test } from 'vitest'
import { devicesOf } from './devices.ts'

const input = (deviceId: string, label: string) => ({ kind: 'audioinput' as const, deviceId, label })

test('devices are listed once; the roles that Chrome lists beside them are no choice', () => {
  const listed = [
    input('default', 'Default - Desk'),
    input('communications', 'Communications - Desk'),
    input('a1', 'Desk'),
    { kind: 'videoinput' as const, deviceId: 'v', label: 'Camera' },
    { kind: 'audiooutput' as const, deviceId: 'o', label: 'Headphones' },
  ]
  expect(devicesOf(listed)).toEqual({
    microphones: [{ id: 'a1', label: 'Desk' }],
    loudspeakers: [{ id: 'o', label: 'Headphones' }],
  })
})

test('before the microphone is allowed devices have no names, and there is nothing to choose', () => {
  expect(devicesOf([input('', ''), input('a1', '')])).toEqual({ microphones: [], loudspeakers: [] })
})
