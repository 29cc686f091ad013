import { AppError, messageOf } from '@odeon/common/errors.ts'
import type { Role } from '@odeon/common/events.ts'
import { randomId } from '@odeon/common/ids.ts'
import type { Offer } from '@odeon/common/internal.ts'
import type { Logger } from '@odeon/common/logger.ts'
import type { RoleInSpace } from '@odeon/common/roles.ts'
import type { RoomTimes } from '@odeon/common/room.ts'
import { isBanned, roleIn, type Space } from '@odeon/common/space.ts'
import { admit, isInvited } from './admission.ts'
import type { Hands } from './hands.ts'
import type { House } from './house.ts'
import type { IngestMetrics } from './metrics.ts'
import type { Room, Seat } from './room.ts'
import type { Stage } from './stage.ts'
import type { OpenPeer, Peer, PeerSettings } from './peer.ts'

export interface SessionsOptions {
  /** Of the space. */
  id: string
  stage: Stage
  room: Room
  hands: Hands
  house: House
  times: Pick<RoomTimes, 'invitationMs'>
  logger: Logger
  metrics: Pick<IngestMetrics, 'droppedPackets'>
  openPeer: OpenPeer
  /** Settings of the next peer; called once a connection, which releases them. */
  peerSettings(): PeerSettings
  /** Aborted when the space stops: nobody comes any more. */
  signal: AbortSignal
  /** Those around the stage should be told. */
  onChanged(): void
}

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

/** The connections of a space: who comes, waits, is seated when he may speak, and leaves. What the document says is made so here. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Map<string, Session>()
  /** Whose invitation is open. */
  #invited: readonly string[] = []

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  get invited(): readonly string[] {
    return this.#invited
  }

  /** Who waits with his connection made, and his face. */
  get ready(): ReadonlyMap<string, string | undefined> {
    const waiting = [...this.#sessions.values()].filter(({ waiting }) => waiting)
    return new Map(waiting.map(({ userId, face }) => [userId, face]))
  }

  /**
   * Seats a speaker and answers his offer; the connection of a listener whose hand is up, or who is invited, is made ready. Throws for a bad offer (400, 413, 422), a
   * full stage (409), a hand that is not up (409), and who may not (403).
   */
  async join({ sdp, speaker, sound }: Offer): Promise<{ session: string; sdp: string }> {
    const { house, room, metrics, openPeer, peerSettings } = this.#options
    this.#assertOpen()
    await house.follow() // He may have been sent away, or let on, since the api looked.
    this.#admit(speaker)
    const session = `${speaker.id}-${randomId(12)}`
    let joined: Session | undefined = undefined as Session | undefined // Packets may come before there is one.
    const peer = await openPeer({
      sdp,
      sound,
      settings: peerSettings,
      onPacket: (packet, at) => {
        if (joined && !joined.waiting) joined.place.push(packet, at)
      },
      onRefused: (reason, count) => metrics.droppedPackets.inc({ reason }, count),
      onGone: () => this.#leaveSoon(session),
    })
    let place: Seat | undefined
    try {
      const send = peer.hears ? (opus: Uint8Array): void => peer.send(opus) : undefined
      place = await room.prepare(speaker.id, send, sound)
      this.#assertOpen()
      const role = this.#admit(speaker)
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
      if (role === 'listener') this.#options.onChanged()
      else this.#seat(joined, role)
    } catch (error) {
      place?.close()
      await peer.close()
      throw error
    }
    return { session, sdp: peer.answer }
  }

  #assertOpen(): void {
    const { id, signal } = this.#options
    if (signal.aborted) throw new AppError(409, 'already_ended', `Space ${id} has ended.`)
  }

  /** As what. Throws as `admit`. */
  #admit(speaker: Offer['speaker']): RoleInSpace {
    const { house, stage, hands } = this.#options
    const waiting = [...this.#sessions.values()].filter(
      ({ waiting, userId }) => waiting && userId !== speaker.id,
    ).length
    return admit(speaker, {
      space: house.space,
      stage,
      hands,
      invited: this.#isInvited(speaker.id),
      waiting,
    })
  }

  #isInvited(id: string): boolean {
    const { house, times } = this.#options
    return isInvited(house.space, id, { now: Date.now(), lifeMs: times.invitationMs })
  }

  /** Whoever dials again takes his own place, and the older connection is dead or about to be. */
  #closeOlder(userId: string): void {
    for (const older of [...this.#sessions.values()]) {
      if (older.userId !== userId) continue
      this.#sessions.delete(older.id)
      if (older.waiting) older.place.close()
      older.peer.close().catch((error: unknown) => this.#notClosed(error))
    }
  }

  /** Into the mix, with the next frame. */
  #seat(session: Session, role: Role): void {
    const { id: space, stage, room, hands, logger } = this.#options
    const { userId: id, name, face } = session
    stage.join({ id, name, role, ...(face !== undefined && { face }) })
    session.waiting = false
    room.seat(session.place)
    hands.lower(id)
    this.#mute(id)
    logger.info({ space, speaker: id }, 'on stage')
  }

  /** As the document has it. */
  #mute(id: string): void {
    const { house, stage } = this.#options
    if (house.space) stage.mute(id, house.space.speakers[id]?.muted ?? 'no')
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
    const { id, stage, room, logger, onChanged } = this.#options
    this.#sessions.delete(session)
    if (found.waiting) {
      found.place.close()
      onChanged()
      return found.peer.close()
    }
    room.unseat(found.userId)
    stage.leave(found.userId)
    this.#promote()
    logger.info({ space: id, speaker: found.userId }, 'left the stage')
    await found.peer.close()
  }

  #leaveSoon(session: string): void {
    this.leave(session).catch((error: unknown) => this.#notClosed(error))
  }

  #notClosed(error: unknown): void {
    const { id, logger } = this.#options
    logger.warn({ space: id, err: messageOf(error) }, 'a connection did not close')
  }

  /** Who is still there? Called twice a second. */
  look(): void {
    const { stage, hands, house } = this.#options
    const now = performance.now()
    for (const { id, userId, peer, waiting } of [...this.#sessions.values()]) {
      const silent = now - peer.heardAt
      if (silent < LOST_MS) {
        house.see([userId])
        hands.alive([userId], Date.now())
      }
      if (silent > GONE_MS) this.#leaveSoon(id)
      else if (!waiting) stage.setConnected(userId, silent < LOST_MS)
    }
    hands.expire(Date.now())
    this.dismiss()
  }

  /** Null: none any more. */
  setFace(userId: string, face: string | null): void {
    for (const session of this.#sessions.values())
      if (session.userId === userId) session.face = face ?? undefined
    this.#options.stage.setFace(userId, face)
  }

  /** Makes the stage what the document says: who is off it now is not in the next frame. */
  follow(space: Space): void {
    const { stage, hands } = this.#options
    for (const { id, userId, waiting } of [...this.#sessions.values()]) {
      const role = roleIn(space, userId)
      if (role === 'listener') {
        if (!waiting || isBanned(space, userId)) this.#leaveSoon(id)
      } else if (!waiting) {
        stage.setRole(userId, role)
        this.#mute(userId)
      }
    }
    for (const id of hands.ids) if (roleIn(space, id) !== 'listener' || isBanned(space, id)) hands.lower(id)
    this.#promote()
    this.dismiss()
  }

  /** Who waits and may speak now is put in, as long as there are seats. */
  #promote(): void {
    const { house, stage, signal } = this.#options
    const { space } = house
    if (!space || signal.aborted) return
    for (const session of this.#sessions.values()) {
      const role = roleIn(space, session.userId)
      if (session.waiting && role !== 'listener' && stage.hasRoom) this.#seat(session, role)
    }
  }

  /** Who waits with no hand up and no invitation any more waits for nothing. Called when a hand may have gone up or down. */
  dismiss(): void {
    const { stage, hands, house, onChanged } = this.#options
    const { space } = house
    const invited = Object.keys(space?.invited ?? {}).filter((id) => this.#isInvited(id))
    if (invited.join() !== this.#invited.join()) {
      this.#invited = invited
      stage.changed = true // A listener learns of it with the next frame.
    }
    for (const { id, userId, waiting } of [...this.#sessions.values()]) {
      const waitsForHost = hands.has(userId) || this.#isInvited(userId)
      const waitsForSeat = space !== undefined && roleIn(space, userId) !== 'listener'
      if (waiting && !waitsForHost && !waitsForSeat) this.#leaveSoon(id)
    }
    if (!hands.changed) return
    hands.changed = false
    onChanged()
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const { place, waiting } of sessions) if (waiting) place.close()
    await Promise.allSettled(sessions.map(({ peer }) => peer.close()))
  }
}

const unknownSession = (session: string): AppError =>
  new AppError(404, 'unknown_session', `There is no WHIP session ${session}.`)
