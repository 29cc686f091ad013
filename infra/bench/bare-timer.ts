import { parentPort } from 'node:worker_threads'

/** A thread with nothing but a timer of 20 ms: how late it is, the machine itself makes it. Told anything, it says how late (ms) each was since. */

const EVERY_MS = 20
const startedAt = performance.now()
let late: number[] = []
let beat = 1
const due = (): number => startedAt + EVERY_MS * beat
const tick = (): void => {
  for (; performance.now() >= due(); beat++) late.push(performance.now() - due())
  setTimeout(tick, Math.max(0, due() - performance.now()))
}
setTimeout(tick, EVERY_MS)
parentPort!.on('message', () => {
  parentPort!.postMessage(late)
  late = []
})
