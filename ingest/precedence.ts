import { readdirSync, readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Who goes first where several threads want the same core: the beat, then packets, which a jitter buffer can wait for, then V8's helpers
 * (docs/decisions/0014). Needs no right that a process doesn't have, and nothing breaks where it can't be. On Linux niceness is each thread's
 * own; elsewhere it would be that of the whole process, and all stay alike.
 */

/** How much nicer than the beat, which is as nice as Odeon was started. */
const NICER = { packets: 5, helpers: 10 } as const
const NICEST = 19

/** Called by the thread of the connections: puts it behind the beat. */
export function putPacketsBehindTheBeat(): void {
  if (process.platform === 'linux') putBehindBy(NICER.packets)
}

/** Puts V8's helpers behind the beat and the packets; not where the beat waits for them at each sweep of the young generation, as it does in parallel ones. */
export function putHelpersBehindTheBeat(): void {
  if (process.platform !== 'linux' || !process.execArgv.includes('--no-parallel-scavenge')) return
  for (const thread of helpersOfV8()) putBehindBy(NICER.helpers, thread)
}

/** A thread, or the one that calls; the beat's is the main one. Has it ended meanwhile, or does the system forbid it, it stays as it is. */
function putBehindBy(niceness: number, thread = 0): void {
  try {
    setPriority(thread, Math.min(NICEST, getPriority(process.pid) + niceness))
  } catch {
    // All alike is what others have, too.
  }
}

/** The threads that V8 has beside a program's own: they compile, and mark what is garbage. They live as long as the process. Linux only. */
export function helpersOfV8(): number[] {
  const folder = '/proc/self/task'
  return readdirSync(folder)
    .filter((thread) => nameOf(`${folder}/${thread}`).includes('V8Worker'))
    .map(Number)
}

/** Empty if the thread has ended since it was found. */
function nameOf(thread: string): string {
  try {
    return readFileSync(`${thread}/comm`, 'utf8')
  } catch {
    return ''
  }
}
