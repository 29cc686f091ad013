import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A whole Odeon as a process of its own, on a free port and a data folder of its own. */
export interface OdeonProcess {
  url: string
  port: number
  folder: string
  child: ChildProcess
  /** What it printed. */
  output(): string
  /** Sends the signal and waits for the end. Answers the exit code (null after a kill). */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Stops it by force if it runs, and deletes its folder. */
  remove(): Promise<void>
}

const START = fileURLToPath(new URL('../start.ts', import.meta.url))

/** Resolves when it has printed its address; rejects with its output when it ends before. */
export async function startOdeonProcess(
  options: {
    folder?: string
    env?: Record<string, string>
    args?: string[]
    nodeArgs?: readonly string[]
  } = {},
): Promise<OdeonProcess> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'odeon-'))
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), START, ...(options.args ?? [])], {
    env: { ...process.env, PORT: '0', HOST: 'localhost', ODEON_DATA: folder, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const exit = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    const read = (data: Buffer): void => {
      output += data.toString()
      const found = /Odeon is open:\s+(\S+)/.exec(output)
      if (found) resolve(found[1]!)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code) => reject(new Error(`Odeon ended with ${code}:\n${output}`)))
  })
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return ((await exit) as [number | null])[0]
  }
  return {
    url,
    port: Number(new URL(url).port),
    folder,
    child,
    output: () => output,
    stop,
    async remove() {
      await stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
