import { openEmbeddedPorts } from '@odeon/common/adapters/embedded/index.ts'
import { openMemoryLog } from '@odeon/common/adapters/embedded/log.ts'
import { inboxKey } from '@odeon/common/keys.ts'
import { createLogger } from '@odeon/common/logger.ts'
import { Registry } from '@odeon/common/metrics.ts'
import { startIngest } from '@odeon/ingest/ingest.ts'

/**
 * The ingest node of `bench:stage`, in a process of its own: nothing but connections, mixes and logs. Arguments: data folder, secret, seats of a
 * stage. Says its address on IPC, its metrics when asked (`metrics`), ends a space (`{ end }`), and ends itself when the parent has gone.
 */

const [folder, secret, seats] = process.argv.slice(2) as [string, string, string]
const registry = new Registry()
const logger = createLogger('silent') // That its spaces are in no store is no news here.
/** Of each log, ten seconds: here nobody stores and trims what was said, and a heap that grows costs what no node would pay. */
const log = openMemoryLog({ maxEntries: 500 })
const ports = { ...(await openEmbeddedPorts({ folder, logger, registry })), log }
const ingest = await startIngest({
  ports,
  logger,
  registry,
  secret,
  host: '127.0.0.1',
  port: 0,
  iceServers: [],
  addresses: ['127.0.0.1'],
  udpPorts: undefined,
  emptyMs: 600_000,
  maxSpaces: 100,
  seats: Number(seats),
})
process.on('message', (message: 'metrics' | { end: string }) => {
  if (message === 'metrics') void registry.metrics().then((text) => process.send!({ metrics: text }))
  else void ports.log.add(inboxKey(message.end), Buffer.from('{"type":"end","reason":"bench"}'))
})
process.on('disconnect', () => void ingest.close().finally(() => process.exit()))
process.send!({ url: ingest.url })
