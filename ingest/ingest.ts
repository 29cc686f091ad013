import { AppError } from '@odeon/common/errors.ts'
import { onAirKey } from '@odeon/common/keys.ts'
import { registerNode, type Registration } from '@odeon/common/nodes.ts'
import { randomId } from '@odeon/common/ids.ts'
import type { OpenSpace } from '@odeon/common/internal.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { Registry } from '@odeon/common/metrics.ts'
import type { Ports } from '@odeon/common/ports.ts'
import { asEnded, updateSpace } from '@odeon/common/space.ts'
import { adoptSpaces, type Adoption } from './adoption.ts'
import { BeatSlots } from './beat.ts'
import { ingestMetrics } from './metrics.ts'
import { SpaceMixer, type Stopped } from './space.ts'
import { PortSlots } from './port-slots.ts'
import { startPeerThread } from './peer-thread.ts'
import type { PeerSettings } from './peer.ts'
import { putHelpersBehindTheBeat } from './precedence.ts'
import { startWhipServer } from './whip.ts'

export interface IngestOptions {
  ports: Ports
  logger: Logger
  registry: Registry
  /** The api's password on the internal address. */
  secret: string
  /** Where the internal address listens; port 0 takes a free one. */
  host: string
  port: number
  iceServers: PeerSettings['iceServers']
  /** Addresses offered beside those of the interfaces. */
  addresses: string[]
  /** UDP ports to use, both inclusive; any if undefined. Four for each speaker. */
  udpPorts: [number, number] | undefined
  /** People on a stage at once; `MAX_ON_STAGE` if not given. */
  seats?: number
  /** A space whose stage is empty ends after this. */
  emptyMs: number
  /** Spaces mixed here at once; the next one gets 503. */
  maxSpaces: number
  /** It is one of several nodes: it tells the others of itself, and takes up spaces whose node is gone. Alone unless told. */
  shared?: boolean
}

export interface Ingest {
  /** The internal address, `http://host:port`. */
  url: string
  /** Ends every space of this node: the `end` entry is in the log when it resolves. */
  endAll(reason: string): Promise<void>
  /** Leaves every space to the other nodes: those on stage dial again, and the log goes on there. */
  handOver(): Promise<void>
  close(): Promise<void>
}

/** Starts an ingest node: WHIP sessions in, one log for each space out. */
export async function startIngest(options: IngestOptions): Promise<Ingest> {
  const { ports, logger, registry } = options
  const owner = randomId(12)
  /** A promise, so that two requests for a new space meet in one mixer. */
  const spaces = new Map<string, Promise<SpaceMixer>>()
  const running = new Set<SpaceMixer>()
  const metrics = ingestMetrics(registry, () => ({
    spaces: running.size,
    speakers: [...running].reduce((sum, { speakers }) => sum + speakers, 0),
  }))
  const portSlots = options.udpPorts && new PortSlots(options.udpPorts)
  putHelpersBehindTheBeat()
  const peers = startPeerThread()
  const slots = new BeatSlots()
  let stopping = false
  let registration: Registration | undefined
  let adoption: Adoption | undefined

  const peerSettings = (): PeerSettings => {
    const slot = portSlots?.take()
    return {
      iceServers: options.iceServers,
      addresses: options.addresses,
      ports: slot?.range,
      release: () => slot?.release(),
    }
  }

  const stopped = async (id: string, mixer: SpaceMixer, outcome: Stopped): Promise<void> => {
    spaces.delete(id)
    running.delete(mixer)
    if (outcome.kind !== 'ended') return
    if (options.shared) await ports.store.delete(onAirKey(id))
    await updateSpace(ports.store, id, (space) => asEnded(space, outcome.reason, Date.now()))
  }

  const open = async (id: string, { title, startedAt }: OpenSpace): Promise<SpaceMixer> => {
    const mixer: SpaceMixer = await SpaceMixer.open({
      id,
      title,
      startedAt,
      owner,
      log: ports.log,
      store: ports.store,
      logger,
      metrics,
      openPeer: peers.open,
      takeIn: peers.takeIn,
      peerSettings,
      slots,
      emptyMs: options.emptyMs,
      ...(options.seats !== undefined && { seats: options.seats }),
      onStopped: (outcome) =>
        void stopped(id, mixer, outcome).catch((error: unknown) => {
          logger.error(
            { space: id, err: String(error) },
            'the end of a space was not noted; the janitor will',
          )
        }),
    })
    running.add(mixer)
    return mixer
  }

  /** Mixes the space here, if it does not already. */
  const assure = async (id: string, body: OpenSpace): Promise<void> => {
    let mixer = spaces.get(id)
    if (stopping) throw new AppError(503, 'stopping', 'This Odeon is being stopped. Try again in a moment.')
    if (!mixer) {
      if (spaces.size >= options.maxSpaces)
        throw new AppError(
          503,
          'too_many_spaces',
          `${options.maxSpaces} spaces are live here already. Try again later.`,
        )
      mixer = open(id, body)
      spaces.set(id, mixer)
      mixer.catch(() => spaces.delete(id))
    }
    await mixer
    if (!options.shared) return
    await ports.store.put(onAirKey(id), {}, 0)
    await registration?.tell().catch(() => {}) // So that the next space goes where there is less to do.
  }

  const mixerOf = async (id: string): Promise<SpaceMixer> => {
    // Asked for a space that nobody mixes: it is taken up at once, before anybody looks.
    if (!spaces.has(id)) await adoption?.adopt(id)
    const mixer = await spaces.get(id)
    if (mixer) return mixer
    if (adoption)
      throw new AppError(
        503,
        'stage_moving',
        'The stage is moving to another machine. Try again in a moment.',
      )
    throw new AppError(404, 'not_mixed_here', 'This space is not on the air here.')
  }

  const server = await startWhipServer({
    secret: options.secret,
    host: options.host,
    port: options.port,
    logger,
    handler: {
      open: assure,
      join: async (id, offer) => (await mixerOf(id)).join(offer),
      trickle: async (id, session, fragment) => (await mixerOf(id)).trickle(session, fragment),
      leave: async (id, session) => (await mixerOf(id)).leave(session),
    },
  }).catch(async (error: unknown) => {
    await peers.close()
    throw error
  })

  if (options.shared) {
    const load = () => ({
      id: owner,
      url: server.url,
      spaces: running.size,
      speakers: [...running].reduce((sum, { speakers }) => sum + speakers, 0),
      full: stopping || spaces.size >= options.maxSpaces,
    })
    try {
      registration = await registerNode({ store: ports.store, logger, describe: load })
    } catch (error) {
      await Promise.all([server.close(), peers.close()])
      throw error
    }
    adoption = adoptSpaces({
      store: ports.store,
      logger,
      owner,
      open: assure,
      isOpen: (id) => spaces.has(id),
      wants: () => !load().full,
    })
  }

  let closing: Promise<void> | undefined
  return {
    url: server.url,
    async endAll(reason) {
      stopping = true
      await Promise.allSettled(spaces.values()) // Those that are just being opened end too.
      await Promise.all([...running].map((mixer) => mixer.end(reason)))
    },
    async handOver() {
      stopping = true
      await adoption?.close()
      await registration?.tell().catch(() => {}) // It was logged; who asks us gets 503.
      await Promise.allSettled(spaces.values())
      await Promise.all([...running].map((mixer) => mixer.close()))
    },
    close: () =>
      (closing ??= (async () => {
        await adoption?.close()
        await server.close()
        await Promise.all([...running].map((mixer) => mixer.close()))
        await peers.close()
        await registration?.close().catch(() => {}) // The others forget it by themselves.
      })()),
  }
}
