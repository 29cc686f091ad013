import { messageOf } from '@odeon/common/errors.ts'
import type { InboxEvent } from '@odeon/common/events.ts'
import { SILENT_PACKET } from '@odeon/common/frame.ts'
import type { Offer } from '@odeon/common/internal.ts'
import type { Logger } from '@odeon/common/logger.ts'
import { FIRST, type Log, type Store } from '@odeon/common/ports.ts'
import { ROOM_TIMES, type RoomState, type RoomTimes } from '@odeon/common/room.ts'
import { getSpace, isBanned, roleIn, type Space } from '@odeon/common/space.ts'
import { FRAME_MS, type EpochMs } from '@odeon/common/time.ts'
import { startBeat, steadyClock, type BeatSlots } from './beat.ts'
import { FrameEvents } from './frame-events.ts'
import { Hands } from './hands.ts'
import { House } from './house.ts'
import { Inbox } from './inbox.ts'
import type { IngestMetrics } from './metrics.ts'
import { claimSpace, type Claim } from './owner.ts'
import { lastRoomState, RoomLog } from './room-log.ts'
import { SaidThings } from './said.ts'
import { Room } from './room.ts'
import { Sessions } from './sessions.ts'
import { Stage } from './stage.ts'
import { Tally } from './tally.ts'
import { Tenure } from './tenure.ts'
import type { OpenPeer, PeerSettings } from './peer.ts'

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
  openPeer: OpenPeer
  /** Hands on what the peers' speakers have sent; called before each frame is mixed. */
  takeIn?(): void
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

/** A space that is not older has just begun: 10 s. */
const FRESH_FRAMES = 500

/**
 * The mixer of one space: calls its beat, and brings together who is there, what is said and what is told of it. It alone
 * writes the log.
 */
export class SpaceMixer {
  readonly #options: SpaceOptions
  readonly #stage: Stage
  readonly #room: Room
  readonly #sessions: Sessions
  readonly #abort = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #slot: ReturnType<BeatSlots['take']>
  readonly #events: FrameEvents
  readonly #tenure: Tenure
  readonly #tally: Tally
  #stopBeat: () => void = () => {}
  #nextFrame = 0
  #emptySince = performance.now()
  #stopping: Promise<void> | undefined
  readonly #house: House
  readonly #hands: Hands
  readonly #said = new SaidThings()
  readonly #roomLog: RoomLog
  readonly #inbox: Inbox
  /** Documents that were seen to. */
  #changes = 0
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
    const { id, log, store, logger, metrics, times = ROOM_TIMES } = options
    this.#options = options
    this.#room = room
    this.#tally = new Tally({ room, said: this.#said, metrics })
    this.#stage = new Stage(options.title, options.seats)
    this.#hands = new Hands({ lifeMs: times.handMs })
    if (before) {
      this.#hands.restore(before.hands, before.sample, Date.now())
      this.#said.restore(before)
    }
    const fresh = claim.nextFrame < FRESH_FRAMES
    this.#house = new House({ id, store, logger, times, fresh, space, onSpace: (read) => this.#follow(read) })
    this.#roomLog = new RoomLog({ log, id, logger, state: () => this.#roomState() }, claim.lease.epoch)
    const onChanged = (): void => this.#roomLog.changed()
    this.#sessions = new Sessions({
      id,
      stage: this.#stage,
      room,
      hands: this.#hands,
      house: this.#house,
      times,
      logger,
      metrics,
      openPeer: options.openPeer,
      peerSettings: options.peerSettings,
      signal: this.#abort.signal,
      onChanged,
    })
    this.#events = new FrameEvents({
      stage: this.#stage,
      room,
      sessions: this.#sessions,
      said: this.#said,
      onChanged,
      onRemoved: () => this.#roomLog.removed(),
    })
    this.#slot = options.slots.take(options.startedAt)
    this.#tenure = new Tenure(
      {
        ...options,
        signal: this.#abort.signal,
        onClaimed: (again) => {
          this.#beatFrom(again.nextFrame)
          this.#roomLog.claim(again.lease.epoch)
          void this.#house.follow()
        },
        onLost: () => void this.#stop({ kind: 'fenced' }),
      },
      claim,
    )
    this.#beatFrom(claim.nextFrame)
    this.#timer = setInterval(() => this.#lookAfter(), 500)
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

  #beatFrom(first: number): void {
    this.#stopBeat()
    this.#nextFrame = first
    this.#stopBeat = startBeat({
      startedAt: this.#options.startedAt,
      first,
      now: steadyClock(),
      delay: this.#slot.delay,
      onFrame: (frame, late) => this.#beat(frame, late),
    })
  }

  get speakers(): number {
    return this.#stage.size
  }

  /** As `Sessions.join`. */
  join(offer: Offer): Promise<{ session: string; sdp: string }> {
    return this.#sessions.join(offer)
  }

  /** As `Sessions.trickle`. */
  trickle(session: string, fragment: string): Promise<void> {
    return this.#sessions.trickle(session, fragment)
  }

  /** As `Sessions.leave`. */
  leave(session: string): Promise<void> {
    return this.#sessions.leave(session)
  }

  /** Writes the last entry of the log and stops. */
  end(reason: string): Promise<void> {
    return this.#stop({ kind: 'ended', reason })
  }

  /** Stops without ending the space: another node may go on. */
  close(): Promise<void> {
    return this.#stop({ kind: 'closed' })
  }

  #beat(frame: number, late: number): void {
    this.#options.metrics.beatLateness.observe(late / 1000)
    this.#options.takeIn?.()
    const opus = this.#mixFrame()
    this.#nextFrame = frame + 1
    this.#tenure.write(frame, { kind: 'frame', opus, events: this.#events.of(frame) })
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
    this.#sessions.look()
    this.#house.look(this.#stage.present())
    this.#tally.count()
    if (this.#stage.size > 0) this.#emptySince = now
    else if (now - this.#emptySince > this.#options.emptyMs) void this.end('empty')
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
        return this.#sessions.dismiss()
      case 'alive':
        this.#house.see(event.ids)
        return this.#hands.alive(event.ids, Date.now())
      case 'here':
        this.#hands.sample(event)
        return this.#sessions.dismiss()
      case 'face':
        return this.#sessions.setFace(event.id, event.face)
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

  #raise(id: string, name: string): void {
    const { space } = this.#house
    if (space && (roleIn(space, id) !== 'listener' || isBanned(space, id))) return
    this.#hands.raise(id, name, Date.now())
  }

  #follow(space: Space): void {
    this.#changes++
    this.#roomLog.changed()
    if (this.#stage.title !== space.title || this.#stage.policy !== space.policy) this.#stage.changed = true
    this.#stage.title = space.title
    this.#stage.policy = space.policy
    this.#sessions.follow(space)
  }

  #roomState(): RoomState {
    return {
      changes: this.#changes,
      inbox: this.#inbox.position,
      members: this.#stage.members,
      talking: [...this.#stage.talking],
      hands: this.#hands.list(this.#sessions.ready),
      sample: this.#hands.sampled(),
      ...this.#said.state(),
    }
  }

  #stop(outcome: Stopped): Promise<void> {
    return (this.#stopping ??= this.#shutDown(outcome))
  }

  /** The last words still reach the log; the connections close after it. */
  async #shutDown(outcome: Stopped): Promise<void> {
    const { logger, id, onStopped } = this.#options
    this.#stopBeat()
    this.#slot.release()
    clearInterval(this.#timer)
    this.#abort.abort()
    if (outcome.kind === 'ended') this.#tenure.write(this.#nextFrame, { kind: 'end', reason: outcome.reason })
    if (outcome.kind !== 'fenced') await this.#tenure.flushed()
    this.#house.close()
    await this.#roomLog.close(outcome.kind === 'ended')
    await this.#sessions.close()
    this.#room.close()
    await this.#tenure.release()
    logger.info(
      { space: id, outcome: outcome.kind, seconds: (this.#nextFrame * FRAME_MS) / 1000 },
      'mixer stopped',
    )
    onStopped(outcome)
  }
}
