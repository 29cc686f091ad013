import { randomId } from '@odeon/common/ids.ts'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { InboxEvent, Role, SpaceEvent } from '@odeon/common/events.ts'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import type { Offer } from '@odeon/common/internal.ts'
import { logKey } from '@odeon/common/keys.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { FIRST, type Lease, type Log, type Store } from '@odeon/common/ports.ts'
import type { RoleInSpace } from '@odeon/common/roles.ts'
import { MAX_WAITING, ROOM_TIMES, type RoomState, type RoomTimes } from '@odeon/common/room.ts'
import { getSpace, isBanned, roleIn, type Space } from '@odeon/common/space.ts'
import { FRAMES_PER_SEGMENT, FRAME_MS, type EpochMs } from '@odeon/common/time.ts'
import { startBeat, steadyClock, type BeatSlots } from './beat.ts'
import { Hands } from './hands.ts'
import { House } from './house.ts'
import { Inbox } from './inbox.ts'
import { LogWriter } from './log-writer.ts'
import type { IngestMetrics } from './metrics.ts'
import { claimSpace, LEASE_RENEWAL_MS, LEASE_TTL_MS, type Claim } from './owner.ts'
import { lastRoomState, RoomLog } from './room-log.ts'
import { SaidThings } from './said.ts'
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
  /** Of the room; `ROOM_TIMES` if not given. */
  times?: RoomTimes
  /** The mixer has stopped: the space ended, or another node owns it now. */
  onStopped(outcome: Stopped): void
}

export type Stopped = { kind: 'ended'; reason: string } | { kind: 'fenced' } | { kind: 'closed' }

interface Session {
  id: string
  userId: string
  name: string
  face: string | undefined
  peer: Peer
  place: Seat
  /** Off stage, with all made ready: his hand is up, or he is invited. */
  waiting: boolean
}

/** Silence of a connection after which its speaker is shown as lost, and after which he has left the stage. */
const LOST_MS = 3000
const GONE_MS = 8000
/** Frames between two snapshots of the stage: 0.96 s, so that one begins every segment. */
const SNAPSHOT_FRAMES = FRAMES_PER_SEGMENT / 2
const LEVEL_FRAMES = 5
/** A space that is not older has just begun: 10 s. */
const FRESH_FRAMES = 500
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
  readonly #house: House
  readonly #hands: Hands
  readonly #said = new SaidThings()
  readonly #roomLog: RoomLog
  readonly #inbox: Inbox
  /** Documents that were seen to. */
  #changes = 0
  /** Whose invitation is open. */
  #invited: readonly string[] = []
  readonly #muted = (id: string): boolean => this.#stage.isMuted(id)

  /** Takes the space, or throws what `claimSpace` throws. */
  static async open(options: SpaceOptions): Promise<SpaceMixer> {
    const { id, log, store } = options
    const room = await Room.open()
    try {
      const claim = await claimSpace({ ...options, now: Date.now() })
      // The store was there a moment ago; what it can't tell now comes with the first change.
      const [space, before] = await Promise.all([getSpace(store, id), lastRoomState(log, id)])
      return new SpaceMixer(options, room, claim, space, before)
    } catch (error) {
      room.close()
      throw error
    }
  }

  private constructor(
    options: SpaceOptions,
    room: Room,
    claim: Claim,
    space: Space | undefined,
    before: RoomState | undefined,
  ) {
    const { id, log, store, logger, times = ROOM_TIMES } = options
    this.#options = options
    this.#room = room
    this.#counted = room.counts()
    this.#stage = new Stage(options.title, options.seats)
    this.#hands = new Hands({ lifeMs: times.handMs })
    if (before) {
      this.#hands.restore(before.hands, before.sample, Date.now())
      this.#said.restore(before)
    }
    const fresh = claim.nextFrame < FRESH_FRAMES
    this.#house = new House({ id, store, logger, times, fresh, space, onSpace: (read) => this.#follow(read) })
    this.#roomLog = new RoomLog({ log, id, logger, state: () => this.#roomState() }, claim.lease.epoch)
    this.#slot = options.slots.take(options.startedAt)
    this.#mix(claim)
    this.#timers = [
      setInterval(() => void this.#renew(), LEASE_RENEWAL_MS),
      setInterval(() => this.#lookAfter(), 500),
    ]
    this.#inbox = new Inbox({
      log,
      id,
      logger,
      signal: this.#abort.signal,
      after: before?.inbox ?? FIRST,
      onEvent: (event) => this.#obey(event),
    })
    if (space) this.#follow(space)
    else this.#roomLog.changed()
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

  /**
   * Seats a speaker and answers his offer; a listener's connection is made ready, and his hand is up. Throws for a bad offer (400, 413, 422), a
   * full stage (409), and who may not (403).
   */
  async join({ sdp, speaker, sound }: Offer): Promise<{ session: string; sdp: string }> {
    this.#assertOpen()
    await this.#house.follow() // He may have been sent away, or let on, since the api looked.
    this.#assertMayCome(speaker)
    const session = `${speaker.id}-${randomId(12)}`
    const handWasUp = this.#hands.has(speaker.id)
    let joined: Session | undefined = undefined as Session | undefined // Packets may come before there is one.
    const peer = await openPeer({
      sdp,
      sound,
      settings: this.#options.peerSettings,
      onPacket: (packet) => {
        if (joined && !joined.waiting) joined.place.push(packet)
      },
      onRefused: (reason) => this.#options.metrics.droppedPackets.inc({ reason }),
      onGone: () => this.#leaveSoon(session),
    })
    let place: Seat | undefined
    try {
      const send = peer.hears ? (opus: Uint8Array): void => peer.send(opus) : undefined
      place = await this.#room.prepare(speaker.id, send, sound)
      this.#assertOpen()
      const role = this.#assertMayCome(speaker)
      if (role === 'listener' && handWasUp && !this.#hands.has(speaker.id) && !this.#isInvited(speaker.id))
        throw new AppError(409, 'no_hand', 'Your hand went down meanwhile.') // It would be raised again.
      // From here on nothing waits.
      this.#closeOlder(speaker.id)
      joined = {
        id: session,
        userId: speaker.id,
        name: speaker.name,
        face: speaker.face,
        peer,
        place,
        waiting: role === 'listener',
      }
      this.#sessions.set(session, joined)
      if (role === 'listener') this.#makeReady(joined)
      else this.#seat(joined, role)
    } catch (error) {
      place?.close()
      await peer.close()
      throw error
    }
    return { session, sdp: peer.answer }
  }

  /** As what. The document decides; where there is none, the offer. Throws 403 and 409. */
  #assertMayCome({ id, role: offered }: Offer['speaker']): RoleInSpace {
    const { space } = this.#house
    const role = space ? roleIn(space, id) : offered
    if (space && isBanned(space, id)) throw new AppError(403, 'banned', 'You were banned from this space.')
    if (role !== 'listener') {
      this.#stage.assertRoomFor(id)
      return role
    }
    if (offered !== 'listener')
      throw new AppError(403, 'forbidden', 'You may not speak in this space any more.')
    if (space?.policy === 'invited' && !this.#hands.has(id) && !this.#isInvited(id))
      throw new AppError(403, 'not_invited', 'In this space only who is invited comes on stage.')
    const waiting = [...this.#sessions.values()].filter(({ waiting, userId }) => waiting && userId !== id)
    if (waiting.length >= MAX_WAITING)
      throw new AppError(
        409,
        'waiting_full',
        `${MAX_WAITING} connections are ready. Come when your hand is accepted.`,
      )
    if (!this.#isInvited(id) && this.#hands.isFull && !this.#hands.has(id))
      throw new AppError(409, 'hands_full', 'Too many hands are up already. Try again in a moment.')
    return role
  }

  /** Whoever dials again takes his own place, and the older connection is dead or about to be. */
  #closeOlder(userId: string): void {
    for (const older of [...this.#sessions.values()]) {
      if (older.userId !== userId) continue
      this.#sessions.delete(older.id)
      if (older.waiting) older.place.close()
      this.#closeSoon(older.peer)
    }
  }

  #makeReady({ userId, name }: Session): void {
    if (!this.#isInvited(userId)) this.#hands.raise(userId, name, Date.now())
    this.#roomLog.changed()
  }

  /** Into the mix, with the next frame. */
  #seat(session: Session, role: Role): void {
    const { userId: id, name, face } = session
    this.#stage.join({ id, name, role, ...(face !== undefined && { face }) })
    session.waiting = false
    this.#room.seat(session.place)
    this.#hands.lower(session.userId)
    const { space } = this.#house
    if (space) this.#stage.mute(session.userId, space.speakers[session.userId]?.muted ?? 'no')
    this.#options.logger.info({ space: this.#options.id, speaker: session.userId }, 'on stage')
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
    if (found.waiting) {
      found.place.close()
      this.#roomLog.changed()
      return found.peer.close()
    }
    this.#room.unseat(found.userId)
    this.#stage.leave(found.userId)
    this.#promote()
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
    if (this.#stage.changed || talkingChanged) this.#roomLog.changed()
    const snapshot = this.#stage.changed || afterHole || frame % SNAPSHOT_FRAMES === 0
    const levels = talking.length > 0 && frame % LEVEL_FRAMES === 0
    let events = NO_EVENTS
    if (snapshot || talkingChanged || levels || this.#said.waits) {
      const happened: SpaceEvent[] = []
      if (snapshot) {
        happened.push(this.#stage.snapshot())
        if (this.#invited.length > 0) happened.push({ type: 'invited', ids: [...this.#invited] })
      } else if (talkingChanged) happened.push({ type: 'talking', ids: [...talking] })
      if (levels) happened.push({ type: 'levels', levels: this.#room.levels() })
      this.#said.stamp(frame, happened, { segment: frame % FRAMES_PER_SEGMENT === 0, hole: afterHole })
      if (this.#said.changed) this.#roomLog.changed()
      this.#said.changed = false
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
    for (const { id, userId, peer, waiting } of [...this.#sessions.values()]) {
      const silent = now - peer.heardAt
      if (silent < LOST_MS) this.#heard(userId)
      if (silent > GONE_MS) this.#leaveSoon(id)
      else if (!waiting) this.#stage.setConnected(userId, silent < LOST_MS)
    }
    this.#hands.expire(Date.now())
    this.#dismiss()
    this.#house.look(this.#stage.present())
    const { metrics, emptyMs } = this.#options
    const counts = this.#room.counts()
    metrics.concealedFrames.inc(counts.concealed - this.#counted.concealed)
    for (const reason of Object.keys(counts.dropped) as Unused[])
      metrics.droppedPackets.inc({ reason }, counts.dropped[reason] - this.#counted.dropped[reason])
    metrics.missedReturns.inc(counts.missed - this.#counted.missed)
    this.#counted = counts
    const said = this.#said.counted()
    metrics.droppedPosts.inc(said.dropped)
    metrics.posts.inc(said.posts)
    metrics.reactions.inc(said.reactions)
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
      this.#roomLog.claim(claim.lease.epoch)
      void this.#house.follow()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      void this.#stop({ kind: 'fenced' })
    } finally {
      this.#reclaiming = false
    }
  }

  #obey(event: InboxEvent): void {
    switch (event.type) {
      case 'end':
        return void this.end(event.reason)
      case 'changed':
        return void this.#house.follow()
      case 'hand':
        if (event.up) this.#raise(event.id, event.name)
        else this.#hands.lower(event.id)
        return this.#dismiss()
      case 'alive':
        this.#house.see(event.ids)
        return this.#hands.alive(event.ids, Date.now())
      case 'here':
        this.#hands.sample(event)
        return this.#dismiss()
      case 'face':
        return this.#setFace(event.id, event.face)
      case 'post':
        return this.#post(event)
      case 'unpost':
      case 'pin':
        return this.#said.take(event)
      case 'reactions':
        return this.#said.react(event.counts)
    }
  }

  /** Who was banned a moment ago may have posted just before an api node knew. */
  #post(event: Extract<InboxEvent, { type: 'post' }>): void {
    const { space } = this.#house
    if (!space || !isBanned(space, event.by.id)) this.#said.take(event)
  }

  #setFace(id: string, face: string | null): void {
    for (const session of this.#sessions.values()) if (session.userId === id) session.face = face ?? undefined
    this.#stage.setFace(id, face)
  }

  #raise(id: string, name: string): void {
    const { space } = this.#house
    if (space && (roleIn(space, id) !== 'listener' || isBanned(space, id))) return
    this.#hands.raise(id, name, Date.now())
  }

  #heard(userId: string): void {
    this.#house.see([userId])
    this.#hands.alive([userId], Date.now())
  }

  /** Makes the stage what the document says: who is off it now is not in the next frame. */
  #follow(space: Space): void {
    this.#changes++
    this.#roomLog.changed()
    if (this.#stage.title !== space.title || this.#stage.policy !== space.policy) this.#stage.changed = true
    this.#stage.title = space.title
    this.#stage.policy = space.policy
    for (const { id, userId, waiting } of [...this.#sessions.values()]) {
      const role = roleIn(space, userId)
      if (role === 'listener' ? !waiting || isBanned(space, userId) : false) this.#leaveSoon(id)
      else if (role !== 'listener' && !waiting) {
        this.#stage.setRole(userId, role)
        this.#stage.mute(userId, space.speakers[userId]?.muted ?? 'no')
      }
    }
    for (const id of this.#hands.ids)
      if (roleIn(space, id) !== 'listener' || isBanned(space, id)) this.#hands.lower(id)
    this.#promote()
    this.#dismiss()
  }

  /** Who waits and may speak now is put in, as long as there are seats. */
  #promote(): void {
    const { space } = this.#house
    if (!space || this.#stopping) return
    for (const session of this.#sessions.values()) {
      const role = roleIn(space, session.userId)
      if (session.waiting && role !== 'listener' && this.#stage.hasRoom) this.#seat(session, role)
    }
  }

  /** Who waits with no hand up and no invitation any more waits for nothing. */
  #dismiss(): void {
    const { space } = this.#house
    const invited = Object.keys(space?.invited ?? {}).filter((id) => this.#isInvited(id))
    if (invited.join() !== this.#invited.join()) {
      this.#invited = invited
      this.#stage.changed = true // A listener learns of it with the next frame.
    }
    for (const { id, userId, waiting } of [...this.#sessions.values()]) {
      const waitsForHost = this.#hands.has(userId) || this.#isInvited(userId)
      const waitsForSeat = space !== undefined && roleIn(space, userId) !== 'listener'
      if (waiting && !waitsForHost && !waitsForSeat) this.#leaveSoon(id)
    }
    if (!this.#hands.changed) return
    this.#hands.changed = false
    this.#roomLog.changed()
  }

  #isInvited(id: string): boolean {
    const invited = this.#house.space?.invited
    const asked = invited && Object.hasOwn(invited, id) ? invited[id] : undefined
    return asked !== undefined && Date.now() - asked.at < (this.#options.times ?? ROOM_TIMES).invitationMs
  }

  #roomState(): RoomState {
    const ready = new Map(
      [...this.#sessions.values()]
        .filter(({ waiting }) => waiting)
        .map(({ userId, face }) => [userId, face] as const),
    )
    return {
      changes: this.#changes,
      inbox: this.#inbox.position,
      members: this.#stage.members,
      talking: [...this.#stage.talking],
      hands: this.#hands.list(ready),
      sample: this.#hands.sampled(),
      ...this.#said.state(),
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
    this.#house.close()
    await this.#roomLog.close(outcome.kind === 'ended')
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const { place, waiting } of sessions) if (waiting) place.close()
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

const unknownSession = (session: string): AppError =>
  new AppError(404, 'unknown_session', `There is no WHIP session ${session}.`)
