import { randomId } from '@odeon/common/ids.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { InboxEvent, type SpaceEvent } from '@odeon/common/events.ts'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import type { Offer } from '@odeon/common/internal.ts'
import { inboxKey, logKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { FIRST, type EntryId, type Lease, type Log, type Store } from '@odeon/common/ports.ts'
import { FRAMES_PER_SEGMENT, FRAME_MS, type EpochMs } from '@odeon/common/time.ts'
import { startBeat, steadyClock, type BeatSlots } from './beat.ts'
import { LogWriter } from './log-writer.ts'
import type { IngestMetrics } from './metrics.ts'
import { claimSpace, LEASE_RENEWAL_MS, LEASE_TTL_MS, type Claim } from './owner.ts'
import { Room, type RoomCounts, type Seat, type Unused } from './room.ts'
import { Stage } from './stage.ts'
import { openPeer, type Peer, type PeerSettings } from './werift-peer.ts'

export interface SpaceOptions {
  id: string
  title: string
  startedAt: EpochMs
  /** This node's name. */
  owner: string
  log: Log
  store: Store
  logger: Logger
  metrics: IngestMetrics
  /** Settings of the next peer; called once a connection, which releases them. */
  peerSettings(): PeerSettings
  /** People on stage at once; the next one gets 409. `MAX_ON_STAGE` if not given. */
  seats?: number
  /** Of this node: when in the 20 ms this space has its beat. */
  slots: BeatSlots
  /** A space with an empty stage ends after this. */
  emptyMs: number
  /** The mixer has stopped: the space ended, or another node owns it now. */
  onStopped(outcome: Stopped): void
}

export type Stopped = { kind: 'ended'; reason: string } | { kind: 'fenced' } | { kind: 'closed' }

interface Session {
  id: string
  userId: string
  peer: Peer
}

/** Silence of a connection after which its speaker is shown as lost, and after which he has left the stage. */
const LOST_MS = 3000
const GONE_MS = 8000
const INBOX_WAIT_MS = 5000
/** Frames between two snapshots of the stage: 0.96 s, so that one begins every segment. */
const SNAPSHOT_FRAMES = FRAMES_PER_SEGMENT / 2
const LEVEL_FRAMES = 5
const NO_EVENTS: SpaceEvent[] = [] // Never written to.

/** The mixer of one space: its connections, its beat, its log. It alone writes the log. */
export class SpaceMixer {
  readonly #options: SpaceOptions
  readonly #stage: Stage
  readonly #room: Room
  readonly #sessions = new Map<string, Session>()
  readonly #abort = new AbortController()
  readonly #timers: NodeJS.Timeout[]
  readonly #slot: ReturnType<BeatSlots['take']>
  #lease!: Lease
  #writer!: LogWriter
  #stopBeat: () => void = () => {}
  #nextFrame = 0
  #lastFrame = -2
  #reclaiming = false
  #emptySince = performance.now()
  #stopping: Promise<void> | undefined
  #counted: RoomCounts
  readonly #muted = (id: string): boolean => this.#stage.isMuted(id)

  /** Takes the space, or throws what `claimSpace` throws. */
  static async open(options: SpaceOptions): Promise<SpaceMixer> {
    const room = await Room.open()
    try {
      return new SpaceMixer(options, room, await claimSpace({ ...options, now: Date.now() }))
    } catch (error) {
      room.close()
      throw error
    }
  }

  private constructor(options: SpaceOptions, room: Room, claim: Claim) {
    this.#options = options
    this.#room = room
    this.#counted = room.counts()
    this.#stage = new Stage(options.title, options.seats)
    this.#slot = options.slots.take(options.startedAt)
    this.#mix(claim)
    this.#timers = [
      setInterval(() => void this.#renew(), LEASE_RENEWAL_MS),
      setInterval(() => this.#lookAfter(), 500),
    ]
    void this.#readInbox()
  }

  /** Beats and writes under a claim; what went before is left behind. */
  #mix({ lease, nextFrame }: Claim): void {
    const { log, id, logger, metrics, startedAt } = this.#options
    this.#stopBeat()
    this.#lease = lease
    this.#nextFrame = nextFrame
    const writer = new LogWriter({
      log,
      key: logKey(id),
      epoch: lease.epoch,
      onFenced: () => {
        if (writer === this.#writer && !this.#reclaiming) void this.#stop({ kind: 'fenced' })
      },
      onDropped: (count) => metrics.droppedFrames.inc(count),
      onError: (error) =>
        logger.warn({ space: id, err: messageOf(error) }, 'the log does not answer; frames wait'),
    })
    this.#writer = writer
    this.#stopBeat = startBeat({
      startedAt,
      first: nextFrame,
      now: steadyClock(),
      delay: this.#slot.delay,
      onFrame: (frame, late) => this.#beat(frame, late),
    })
  }

  get speakers(): number {
    return this.#stage.size
  }

  /** Seats a speaker and answers his offer. Throws for a bad offer (400, 413, 422) and a full stage (409). */
  async join({ sdp, speaker, sound }: Offer): Promise<{ session: string; sdp: string }> {
    this.#assertOpen()
    this.#stage.assertRoomFor(speaker.id)
    const session = `${speaker.id}-${randomId(12)}`
    let place: Seat | undefined = undefined as Seat | undefined // Packets may come before there is one.
    const peer = await openPeer({
      sdp,
      settings: this.#options.peerSettings,
      onPacket: (packet) => place?.push(packet),
      onRefused: (reason) => this.#options.metrics.droppedPackets.inc({ reason }),
      onGone: () => this.#leaveSoon(session),
    })
    try {
      const send = peer.hears ? (opus: Uint8Array): void => peer.send(opus) : undefined
      place = await this.#room.prepare(speaker.id, send, sound)
      this.#assertOpen()
      this.#stage.join(speaker)
    } catch (error) {
      place?.close()
      await peer.close()
      throw error
    }
    // From here on nothing waits: whoever dials again takes his own place, and the older connection is dead or about to be.
    for (const older of [...this.#sessions.values()]) {
      if (older.userId !== speaker.id) continue
      this.#sessions.delete(older.id)
      this.#closeSoon(older.peer)
    }
    this.#room.seat(place)
    this.#sessions.set(session, { id: session, userId: speaker.id, peer })
    this.#options.logger.info({ space: this.#options.id, speaker: speaker.id }, 'on stage')
    return { session, sdp: peer.answer }
  }

  /** Throws `unknown_session` (404). */
  trickle(session: string, fragment: string): Promise<void> {
    const found = this.#sessions.get(session)
    if (!found) throw unknownSession(session)
    return found.peer.trickle(fragment)
  }

  /** Ends a connection and its place on stage; nothing happens when it is gone already. */
  async leave(session: string): Promise<void> {
    const found = this.#sessions.get(session)
    if (!found) return
    this.#sessions.delete(session)
    this.#room.unseat(found.userId)
    this.#stage.leave(found.userId)
    this.#options.logger.info({ space: this.#options.id, speaker: found.userId }, 'left the stage')
    await found.peer.close()
  }

  #leaveSoon(session: string): void {
    this.leave(session).catch((error: unknown) => this.#notClosed(error))
  }

  #closeSoon(peer: Peer): void {
    peer.close().catch((error: unknown) => this.#notClosed(error))
  }

  #notClosed(error: unknown): void {
    this.#options.logger.warn(
      { space: this.#options.id, err: messageOf(error) },
      'a connection did not close',
    )
  }

  /** Writes the last entry of the log and stops. */
  end(reason: string): Promise<void> {
    return this.#stop({ kind: 'ended', reason })
  }

  /** Stops without ending the space: another node may go on. */
  close(): Promise<void> {
    return this.#stop({ kind: 'closed' })
  }

  #assertOpen(): void {
    if (this.#stopping) throw new AppError(409, 'already_ended', `Space ${this.#options.id} has ended.`)
  }

  #beat(frame: number, late: number): void {
    const { metrics } = this.#options
    metrics.beatLateness.observe(late / 1000)
    const opus = this.#mixFrame()
    const { talking } = this.#room
    const talkingChanged = this.#stage.setTalking(talking)
    const afterHole = frame !== this.#lastFrame + 1
    const snapshot = this.#stage.changed || afterHole || frame % SNAPSHOT_FRAMES === 0
    const levels = talking.length > 0 && frame % LEVEL_FRAMES === 0
    let events = NO_EVENTS
    if (snapshot || talkingChanged || levels) {
      const happened: SpaceEvent[] = []
      if (snapshot) happened.push(this.#stage.snapshot())
      else if (talkingChanged) happened.push({ type: 'talking', ids: [...talking] })
      if (levels) happened.push({ type: 'levels', levels: this.#room.levels() })
      events = happened
    }
    this.#stage.changed = false
    this.#lastFrame = frame
    this.#nextFrame = frame + 1
    this.#writer.write(frame, { kind: 'frame', opus, events })
  }

  /** A frame that can't be mixed is silence: no speaker takes the others down with him. */
  #mixFrame(): Uint8Array {
    try {
      return this.#room.beat(this.#muted)
    } catch (error) {
      this.#options.logger.error(
        { space: this.#options.id, err: messageOf(error) },
        'a frame could not be mixed',
      )
      return SILENT_PACKET
    }
  }

  /** Twice a second: who is still there, and is anybody? */
  #lookAfter(): void {
    const now = performance.now()
    for (const { id, userId, peer } of [...this.#sessions.values()]) {
      const silent = now - peer.heardAt
      if (silent > GONE_MS) this.#leaveSoon(id)
      else this.#stage.setConnected(userId, silent < LOST_MS)
    }
    const { metrics, emptyMs } = this.#options
    const counts = this.#room.counts()
    metrics.concealedFrames.inc(counts.concealed - this.#counted.concealed)
    for (const reason of Object.keys(counts.dropped) as Unused[])
      metrics.droppedPackets.inc({ reason }, counts.dropped[reason] - this.#counted.dropped[reason])
    metrics.missedReturns.inc(counts.missed - this.#counted.missed)
    this.#counted = counts
    if (this.#stage.size > 0) this.#emptySince = now
    else if (now - this.#emptySince > emptyMs) void this.end('empty')
  }

  async #renew(): Promise<void> {
    try {
      if (await this.#options.store.renew(this.#lease, LEASE_TTL_MS)) return
      await this.#reclaim()
    } catch (error) {
      // The store is away. The log's fence protects the space; go on talking.
      this.#options.logger.warn(
        { space: this.#options.id, err: messageOf(error) },
        'the lease could not be renewed',
      )
    }
  }

  /**
   * The lease ran out, by a pause of this process or a sleep of the machine. If somebody else has it, he mixes. If nobody has, this node takes
   * it again, with a new epoch and the clock set anew: those on stage stay where they are.
   */
  async #reclaim(): Promise<void> {
    if (this.#reclaiming || this.#stopping) return
    this.#reclaiming = true
    try {
      // What was held while the log was away is written first, under the old epoch: if somebody else has the space, the log refuses it.
      await this.#writer.flushed()
      const claim = await claimSpace({ ...this.#options, now: Date.now() })
      if (this.#stopping) return await this.#options.store.release(claim.lease)
      this.#options.logger.warn({ space: this.#options.id }, 'this process was away; the space goes on')
      this.#mix(claim)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      void this.#stop({ kind: 'fenced' })
    } finally {
      this.#reclaiming = false
    }
  }

  async #readInbox(): Promise<void> {
    const { log, id, logger } = this.#options
    const { signal } = this.#abort
    let after: EntryId = FIRST
    while (!signal.aborted) {
      try {
        for (const entry of await log.read(inboxKey(id), after, { waitMs: INBOX_WAIT_MS, signal })) {
          after = entry.id
          const text = new TextDecoder().decode(entry.body)
          const event = InboxEvent.safeParse(parseJson(text))
          if (event.success) this.#obey(event.data)
          else logger.warn({ space: id, entry: text.slice(0, 200) }, 'not an inbox event; skipped')
        }
      } catch (error) {
        if (signal.aborted) return
        logger.warn({ space: id, err: messageOf(error) }, 'the inbox does not answer')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
  }

  #obey(event: InboxEvent): void {
    switch (event.type) {
      case 'end':
        return void this.end(event.reason)
      case 'mute':
        return this.#stage.mute(event.id, event.muted)
      case 'title':
        this.#stage.title = event.title
        this.#stage.changed = true
        return
      case 'leave':
        for (const session of this.#sessions.values()) {
          if (session.userId === event.id) this.#leaveSoon(session.id)
        }
    }
  }

  #stop(outcome: Stopped): Promise<void> {
    return (this.#stopping ??= this.#shutDown(outcome))
  }

  /** The last words still reach the log; the connections close after it. */
  async #shutDown(outcome: Stopped): Promise<void> {
    const { store, logger, id, onStopped } = this.#options
    this.#stopBeat()
    this.#slot.release()
    for (const timer of this.#timers) clearInterval(timer)
    this.#abort.abort()
    if (outcome.kind === 'ended') this.#writer.write(this.#nextFrame, { kind: 'end', reason: outcome.reason })
    if (outcome.kind !== 'fenced') await this.#writer.flushed()
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    await Promise.allSettled(sessions.map(({ peer }) => peer.close()))
    this.#room.close()
    await store.release(this.#lease).catch((error: unknown) => {
      logger.warn({ space: id, err: messageOf(error) }, 'the lease was not given back; it runs out by itself')
    })
    logger.info(
      { space: id, outcome: outcome.kind, seconds: (this.#nextFrame * FRAME_MS) / 1000 },
      'mixer stopped',
    )
    onStopped(outcome)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const unknownSession = (session: string): AppError =>
  new AppError(404, 'unknown_session', `There is no WHIP session ${session}.`)
