import { expect, test } from 'vitest'
import { handWords } from './hand-words.ts'

test('he is told what will happen when the host lets him in, also where too many wait for his connection to be made', () => {
  expect(handWords({ kind: 'asking' })).toBe('speak.asking')
  expect(handWords({ kind: 'ready' })).toBe('voice.handReady')
  expect(handWords({ kind: 'ready', crowded: true })).toBe('voice.handCrowded')
  expect(handWords({ kind: 'failed', reason: 'no-microphone', message: '' })).toBe('voice.handNoMic')
})
