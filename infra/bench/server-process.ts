import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A server or a crowd of a bench, in a process of its own, that says its port over IPC and answers `cpu` with its CPU time. */
export interface ServerProcess {
  url: string
  child: ChildProcess
  /** µs of CPU so far. */
  cpu(): Promise<number>
  /** Sends a message and waits for the answer with that field. */
  ask<T>(message: unknown, field: string): Promise<T>
  stop(): Promise<void>
}

export async function startServer(
  script: string,
  args: string[],
  onMessage: (message: Record<string, unknown>) => void = () => {},
): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args)
  child.on('message', (message) => onMessage(message as Record<string, unknown>))
  const answer = <T>(field: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`${script} ended.`))
      const read = (message: Record<string, unknown>): void => {
        if (message[field] === undefined) return
        child.off('message', read)
        child.off('exit', ended)
        resolve(message[field] as T)
      }
      child.on('message', read)
      child.once('exit', ended)
    })
  const ask = <T>(message: unknown, field: string): Promise<T> => {
    const answered = answer<T>(field)
    child.send(message as object)
    return answered
  }
  const port = await answer<number>('port')
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    ask,
    cpu: () => ask('cpu', 'cpu'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** For the other side: says the port, and answers `cpu`. */
export function serveParent(port: number): void {
  process.on('message', (message) => {
    if (message !== 'cpu') return
    const { user, system } = process.cpuUsage()
    process.send?.({ cpu: user + system })
  })
  process.send?.({ port })
}
