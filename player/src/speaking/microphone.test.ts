import { expect, test } from 'vitest'
import { loudness, wanted } from './microphone.ts'

test('loudness goes from −60 dBFS to full scale, as in the events of the stage', () => {
  expect(loudness(new Float32Array(8))).toBe(0)
  expect(loudness(new Float32Array(8).fill(1))).toBeCloseTo(1)
  expect(loudness(new Float32Array(8).fill(0.0316))).toBeCloseTo(0.5, 2)
})

test('a voice gets echo cancellation, noise suppression and gain from the browser; music is left alone', () => {
  expect(wanted('voice')).toEqual({
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  })
  expect(wanted('music')).toEqual({
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
    channelCount: 2,
  })
})
