import { getPriority } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { putHelpersBehindTheBeat, putPacketsBehindTheBeat, helpersOfV8 } from '../precedence.ts'

/** The niceness of the threads of a process. */
export interface Niceness {
  beat: number
  packets: number
  helpers: number[]
}

/** A process in which all have been put behind the beat. Says on IPC how nice each thread is then, and ends with its parent. */
if (isMainThread) {
  putHelpersBehindTheBeat()
  new Worker(import.meta.filename).on('message', (packets: number) => {
    const helpers = helpersOfV8().map((thread) => getPriority(thread))
    process.send!({ beat: getPriority(), packets, helpers } satisfies Niceness)
  })
  process.on('disconnect', () => process.exit())
} else {
  putPacketsBehindTheBeat()
  parentPort!.postMessage(getPriority())
}
