import { HAS_CLUSTER } from '../e2e/cluster.ts'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3, OWNS_S3 } from '@odeon/common/adapters/testing/s3.ts'
import { failures, SCENARIOS } from './scenarios.ts'

/**
 * `npm run chaos -- [--short] [words of a name]`: kills one thing after the other in a cluster of real processes on this machine, while somebody hums and
 * somebody listens, and prints what was heard; last a line of JSON. Ends with 1 when something is outside its limit.
 */

const args = process.argv.slice(2)
const short = args.includes('--short')
const words = args.filter((arg) => !arg.startsWith('--')).join(' ')

if (!HAS_CLUSTER || !OWNS_S3) {
  console.error(`${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`)
  process.exit(1)
}

const rows: Record<string, unknown>[] = []
console.log(
  `\n  ${'what dies'.padEnd(24)} stood still  without sound  not as written  missing  recovered  limit   ok\n` +
    `  ${''.padEnd(24)}          ms             ms              ms   chunks          s      s\n`,
)
for (const scenario of SCENARIOS.filter(({ name }) => name.includes(words))) {
  try {
    const outcome = await scenario.run({ short })
    const { heard, recoveryMs } = outcome
    const wrong = failures(scenario, outcome)
    const limit = scenario.limits.recoveryMs
    const seconds = (ms: number | undefined): string => (ms === undefined ? '–' : (ms / 1000).toFixed(1))
    console.log(
      [
        `  ${scenario.name.padEnd(24)}`,
        String(heard.stalledMs).padStart(11),
        String(heard.silentMs).padStart(14),
        String(heard.wrongMs).padStart(15),
        String(heard.missing).padStart(8),
        seconds(recoveryMs).padStart(10),
        seconds(limit).padStart(6),
        wrong.length === 0 ? '  yes' : `   no: ${wrong.join('; ')}`,
      ].join(' '),
    )
    rows.push({ name: scenario.name, ok: wrong.length === 0, wrong, recoveryMs, ...heard, ...outcome.others })
  } catch (error) {
    console.log(`  ${scenario.name.padEnd(24)}   no: ${String(error)}`)
    rows.push({ name: scenario.name, ok: false, wrong: [String(error)] })
  }
}
console.log()
console.log(JSON.stringify({ bench: 'chaos', short, rows }))
if (rows.some(({ ok }) => !ok)) process.exitCode = 1
