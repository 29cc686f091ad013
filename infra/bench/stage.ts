import { delays, percentile } from './figures.ts'
import {
  burstEar,
  burstTape,
  join,
  ownDelay,
  quietTape,
  roomTape,
  speechTape,
  type Client,
  type Tape,
} from './stage-clients.ts'
import {
  cpuSeconds,
  JANUS_HINT,
  lateTimers,
  startIngestNode,
  startJanus,
  type BenchStage,
  type OdeonSystem,
  type System,
} from './stage-systems.ts'

/**
 * `npm run bench:stage -- [delay] [cpu] [ten] [seconds]`: what a stage costs. The ingest node runs alone in a process, on one core; werift speakers in this one talk to it.
 * - delay: speaker to speaker, added by the server: from the packet that begins a burst to the packet with which it comes back to another,
 *   less what the clients' own codec adds;
 * - cpu: with 13 and 30 seats of whom two talk, the others silent with and without silence suppression;
 * - ten: ten stages of ten, two talk in each: beats late by more than 5 ms, beside bare timers that are as busy.
 * Janus' AudioBridge does the first two in the same run where it is installed; where it is not, figures measured before stand for it.
 */

const STATED = { delay: { p50: 137, p95: 139 }, cpu: { 13: 0.208, 30: 0.457 } } as const
const words = process.argv.slice(2)
const seconds = Number(words.find((word) => /^\d+$/.test(word)) ?? 20)
const chosen = words.filter((word) => !/^\d+$/.test(word))
const wanted = (what: string): boolean => chosen.length === 0 || chosen.includes(what)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const SETTLE_MS = 4000
const WARM_UP_MS = 20_000

interface Seated {
  clients: Client[]
  /** They go, and their stage ends. */
  leave(): Promise<void>
}

const seated = ({ end }: BenchStage, clients: Client[]): Seated => ({
  clients,
  async leave() {
    await Promise.allSettled(clients.map((client) => client.close()))
    await end()
  },
})

async function seat(system: System, tapes: readonly Tape[]): Promise<Seated> {
  const stage = await system.openStage()
  const clients: Client[] = []
  for (const [n, tape] of tapes.entries()) clients.push(await join(stage.post, tape, n))
  for (const client of clients) client.play() // Not before: shaking hands takes long enough to disturb those who speak.
  return seated(stage, clients)
}

/** So many stages at once, each with a phase of its own between the clients' clocks and the server's. */
const PHASES = 8

/** ms from burst to burst, for a listener who says nothing, or who talks too and so has a mix of his own. */
async function delay(system: System, listener: Tape): Promise<{ p50: number; p95: number; bursts: number }> {
  const [bursts, own] = [await burstTape(), await ownDelay()]
  const pairs = []
  for (let n = 0; n < PHASES; n++) {
    const stage = await system.openStage()
    const ear = await burstEar()
    const mouth = await join(stage.post, bursts, n)
    const clients = [mouth, await join(stage.post, listener, n, ear.onPacket)]
    pairs.push({ mouth, ear, ...seated(stage, clients) })
  }
  for (const { clients } of pairs) for (const client of clients) client.play()
  await pause(SETTLE_MS)
  const since = performance.now()
  await pause(seconds * 1000)
  const all = pairs.flatMap(({ mouth, ear }) =>
    delays(
      mouth.bursts.filter((at) => at > since),
      ear.heard,
      900,
    ).map((ms) => ms - own),
  )
  for (const { leave, ear } of pairs) {
    await leave()
    ear.close()
  }
  return { p50: percentile(all, 0.5), p95: percentile(all, 0.95), bursts: all.length }
}

/** Share of a core. */
async function cpu(system: System, tapes: readonly Tape[]): Promise<number> {
  const { leave } = await seat(system, tapes)
  await pause(SETTLE_MS)
  const before = cpuSeconds(system.pid)
  const began = performance.now()
  await pause(seconds * 1000)
  const share = (cpuSeconds(system.pid) - before) / ((performance.now() - began) / 1000)
  await leave()
  return share
}

async function ten(
  system: OdeonSystem,
  tapes: readonly Tape[],
): Promise<{ late: number; beats: number; cpu: number }> {
  const stages = []
  for (let n = 0; n < 10; n++) stages.push(await seat(system, tapes))
  await pause(SETTLE_MS)
  const before = { ...(await system.beats()), cpu: cpuSeconds(system.pid) }
  await pause(seconds * 1000)
  const after = { ...(await system.beats()), cpu: cpuSeconds(system.pid) }
  await Promise.all(stages.map(({ leave }) => leave()))
  const beats = after.all - before.all
  return { late: (after.late - before.late) / beats, beats, cpu: (after.cpu - before.cpu) / seconds }
}

const odeon = await startIngestNode(30)
const compared = wanted('delay') || wanted('cpu')
const janus = compared ? await startJanus() : undefined
const systems = janus ? [odeon, janus] : [odeon]
try {
  const [host, guest, quiet, room] = await Promise.all([
    speechTape('host-en'),
    speechTape('guest-en'),
    quietTape(),
    roomTape(),
  ])
  const stage = (seats: number, others: Tape): Tape[] => [
    host,
    guest,
    ...Array.from({ length: seats - 2 }, () => others),
  ]
  const rows: [string, string, string, string][] = []
  const result: Record<string, unknown> = { bench: 'stage' }
  if (compared) result['janus'] = janus ? 'measured' : 'stated'
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const round = (value: number, digits = 3): number => Number(value.toFixed(digits))

  // What has just started is still being compiled: that is seconds of a server's life, and not what is asked here.
  const warming = []
  for (const system of systems) warming.push(await seat(system, stage(20, room)))
  await pause(WARM_UP_MS)
  await Promise.all(warming.map(({ leave }) => leave()))
  if (wanted('delay')) {
    for (const [name, listener] of [
      ['who is silent', quiet],
      ['who talks too', host],
    ] as const) {
      const figures = []
      for (const system of systems) figures.push(await delay(system, listener))
      const other = figures[1] ?? STATED.delay
      for (const p of ['p50', 'p95'] as const)
        rows.push([
          `delay to one ${name}, ${p}, ms`,
          figures[0]![p].toFixed(1),
          other[p].toFixed(1),
          (figures[0]![p] / other[p]).toFixed(2),
        ])
      result[name === 'who is silent' ? 'delaySilent' : 'delayTalking'] = {
        ...Object.fromEntries(Object.entries(figures[0]!).map(([key, value]) => [key, round(value, 1)])),
        janusP95: round(other.p95, 1),
      }
    }
  }
  if (wanted('cpu')) {
    for (const seats of [13, 30] as const) {
      for (const [name, others] of [
        ['silence left out', quiet],
        ['room noise', room],
      ] as const) {
        const shares = []
        for (const system of systems) shares.push(await cpu(system, stage(seats, others)))
        const other = shares[1] ?? STATED.cpu[seats]
        rows.push([
          `CPU, ${seats} seats, 2 talk, ${name}`,
          percent(shares[0]!),
          percent(other),
          (shares[0]! / other).toFixed(2),
        ])
        result[`cpu${seats}${name === 'room noise' ? 'Noise' : ''}`] = {
          odeon: round(shares[0]!),
          janus: round(other),
          ratio: round(shares[0]! / other, 2),
        }
      }
    }
  }
  if (wanted('ten')) {
    const figures = await ten(odeon, stage(10, quiet))
    const timers = await lateTimers(figures.cpu * 2, 10) // ms: ten in every 20.
    rows.push(['bare timers as busy, on the same core', `${(timers * 100).toFixed(3)} %`, '', ''])
    rows.push([
      'ten stages of ten: beats more than 5 ms late',
      `${(figures.late * 100).toFixed(3)} %`,
      '',
      '',
    ])
    rows.push(['ten stages of ten: CPU', percent(figures.cpu), '', ''])
    result['ten'] = {
      late: round(figures.late, 5),
      timersLate: round(timers, 5),
      beats: figures.beats,
      cpu: round(figures.cpu),
    }
  }

  const beside = `, beside Janus AudioBridge (${janus ? 'same run, same clients' : 'as measured before'})`
  console.log(`\n  a stage${compared ? beside : ''}\n`)
  const head = compared ? (['', 'odeon', 'janus', 'ratio'] as const) : (['', 'odeon', '', ''] as const)
  for (const [what, ours, theirs, ratio] of [head, ...rows])
    console.log(`  ${what.padEnd(46)}${ours.padStart(10)}${theirs.padStart(10)}${ratio.padStart(8)}`)
  if (compared && !janus) console.log(`\n  ${JANUS_HINT}`)
  console.log()
  console.log(JSON.stringify(result))
} finally {
  await Promise.all(systems.map((system) => system.close()))
}
process.exit() // werift keeps timers of connections whose other end has gone.
