/**
 * What the machine itself does to ten beats: ten timers of 20 ms, two apart, each of which is busy for as long as the argument says (ms). Says on IPC
 * how many came, and how many more than 5 ms late. Ends when the parent has gone.
 */

const busy = Number(process.argv[2])
const startedAt = performance.now()
let all = 0
let late = 0
for (let n = 0; n < 10; n++) {
  let frame = 1
  const due = (): number => startedAt + 2 * n + 20 * frame
  const tick = (): void => {
    while (performance.now() >= due()) {
      all++
      if (performance.now() - due() > 5) late++
      const until = performance.now() + busy
      while (performance.now() < until);
      frame++
    }
    setTimeout(tick, Math.max(0, due() - performance.now()))
  }
  setTimeout(tick, 20)
}
process.on('message', () => process.send!({ all, late }))
process.on('disconnect', () => process.exit())
