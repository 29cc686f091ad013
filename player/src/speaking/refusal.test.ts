import { expect, test } from 'vitest'
import { ApiError } from '../api/http.ts'
import { finalFailure, StageFailure } from './refusal.ts'

const reasonOf = (status: number, code: string): string | undefined =>
  finalFailure(new ApiError(status, code, 'A sentence.'))?.reason

test('dialling again is of no use when the space has ended, the stage is full, or the speaker may not', () => {
  expect(reasonOf(409, 'already_ended')).toBe('ended')
  expect(reasonOf(409, 'stage_full')).toBe('full')
  expect(reasonOf(401, 'unauthorized')).toBe('forbidden')
  expect(reasonOf(403, 'forbidden')).toBe('forbidden')
  expect(reasonOf(422, 'no_opus')).toBe('error')
  expect(reasonOf(404, 'unknown_space')).toBe('error')
})

test('it is when nobody answers, when the mixer moves, and when the connection breaks', () => {
  expect(reasonOf(0, 'offline')).toBeUndefined()
  expect(reasonOf(503, 'ingest_unreachable')).toBeUndefined()
  expect(reasonOf(404, 'not_mixed_here')).toBeUndefined()
  expect(reasonOf(429, 'too_many')).toBeUndefined()
  expect(finalFailure(new Error('no connection'))).toBeUndefined()
})

test('a failure of the microphone is final', () => {
  expect(finalFailure(new StageFailure('denied', 'No.'))?.reason).toBe('denied')
})
