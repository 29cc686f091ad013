import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Servers that a test starts for itself alone, where their programs are installed. */

/** Looked for on PATH and where `.ci/run` puts what it builds. */
export function findProgram(name: string): string | undefined {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'odeon', 'bin')
  return [...(process.env['PATH'] ?? '').split(delimiter), cache]
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** Ports of the loopback that nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export interface Program {
  child: ChildProcess
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a program and waits until it says `ready`; rejects with its words when it ends before. */
export async function startProgram(
  file: string,
  args: string[],
  options: { ready: RegExp; env?: Record<string, string> },
): Promise<Program> {
  const child = spawn(file, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const read = (data: Buffer): void => {
      if (output.length < 100_000) output += data.toString()
      if (options.ready.test(output)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', reject)
    void ended.then(() => reject(new Error(`${file} ended with ${child.exitCode}:\n${output}`)))
  })
  return {
    child,
    async stop(signal = 'SIGKILL') {
      child.kill(signal)
      await ended
    },
  }
}

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'odeon-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
