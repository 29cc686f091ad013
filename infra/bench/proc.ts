import { readdirSync, readFileSync } from 'node:fs'

/** What processes cost, as Linux counts it in `/proc`. */

const CLOCK_TICKS = 100 // A second, of `/proc/<pid>/stat`: Linux has no other in user space.

/** The processes that a process started and that still run. */
export const children = (of = process.pid): number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const [state, parent] = statOf(Number(name))
      return Number(parent) === of && state !== 'Z' ? [Number(name)] : []
    } catch {
      return [] // It is gone.
    }
  })

/** What stands behind the name in `/proc/<pid>/stat`: state, parent, … */
const statOf = (pid: number): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')

/** Seconds of CPU. */
export const cpuOf = (pid: number): number => {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS
}

/** Its own share of memory, MB: what it shares with others is divided among them. */
export const memoryOf = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN) / 1024
