import { describe, expect, test } from 'vitest'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3, OWNS_S3 } from '@odeon/common/adapters/testing/s3.ts'
import { HAS_CLUSTER } from '../e2e/cluster.ts'
import { failures, SCENARIOS } from './scenarios.ts'

/** The short form of `npm run chaos`. How fast all that is, it tells; here it is enough that it happens and that nothing is lost. */

const can = HAS_CLUSTER && OWNS_S3
const PATIENT = { recoveryMs: 30_000, silentMs: 30_000, stalledMs: 30_000 }

describe.skipIf(!can)(
  `what dies (${can ? 'by kill -9' : `${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`})`,
  () => {
    test.each(SCENARIOS)('$name: $reach', { timeout: 180_000 }, async (scenario) => {
      const outcome = await scenario.run({ short: true })
      // What must not be heard at all is no matter of speed. What the log itself does not hold, nobody can hear.
      const { silentMs } = scenario.limits
      const limits =
        silentMs < 1000 ? { ...PATIENT, silentMs: silentMs + outcome.heard.logSilentMs } : PATIENT
      expect(failures({ ...scenario, limits }, { ...outcome, others: truths(outcome.others) })).toEqual([])
    })
  },
)

/** But for those that are a matter of speed. */
const truths = (others: Record<string, boolean> = {}): Record<string, boolean> =>
  Object.fromEntries(Object.entries(others).filter(([what]) => !/ \d+ s$/.test(what)))
