import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openComplaints } from './complaints.ts'

test('what goes wrong for many is said once in a while, with how often it was not said', () => {
  const lines: unknown[] = []
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line) => void lines.push(JSON.parse(line)) },
  )
  let now = 0
  const complaints = openComplaints(logger, () => now)
  for (let i = 0; i < 2000; i++) complaints.warn({ msn: i }, 'Away.')
  complaints.error({}, 'Worse.')
  now = 6000
  complaints.warn({ msn: 7 }, 'Away.')
  expect(lines).toEqual([
    { level: 40, msn: 0, msg: 'Away.' },
    { level: 50, msg: 'Worse.' },
    { level: 40, msn: 7, unsaid: 1999, msg: 'Away.' },
  ])
})
