import { AppError } from '@odeon/common/errors.ts'
import type { Muted } from '@odeon/common/events.ts'
import { may, type Action } from '@odeon/common/roles.ts'
import {
  MAX_ACTED,
  MAX_INVITED,
  MAX_LINKS,
  MAX_OUT,
  ROOM_TIMES,
  type RoomAction,
} from '@odeon/common/room.ts'
import { actorIn, roleIn, type Link, type Space } from '@odeon/common/space.ts'
import { withoutMute } from '@odeon/common/succession.ts'
import type { User } from './tokens.ts'

/**
 * What each action makes of the document of a space: plain functions, no clock, no sound. Done twice, or after somebody has left, they change
 * nothing more; two hosts at once are put in a row by the version of the document, and the later sees what the earlier did.
 */

/** Who may speak in one space over its life, also those who have left: a bound for the document. */
const MAX_SPEAKERS = 500

type Speaker = Space['speakers'][string]

/** Asks the table. Throws `banned` or `forbidden` (403). */
export function assertMay(space: Space, user: string, action: Action, target?: string): void {
  const actor = actorIn(space, user)
  if (may(actor, action, target === undefined ? undefined : actorIn(space, target))) return
  if (actor === 'banned') throw new AppError(403, 'banned', 'You were banned from this space.')
  if (target !== undefined && roleIn(space, target) === 'listener' && may(actor, action, 'speaker'))
    throw new AppError(
      404,
      'unknown_speaker',
      `Nobody of the id ${target} may speak in this space, or he has just left.`,
    )
  const whom = target === undefined ? '' : ` to a ${actorIn(space, target)}`
  throw new AppError(403, 'forbidden', `A ${actor} may not do this here: ${action}${whom}.`)
}

export interface Acting {
  user: User
  /** Epoch ms. */
  now: number
  /** Of somebody whose hand is accepted. */
  name?: string
}

/** Those of the room's actions that are the document's; hands are the mixer's. Throws what the table forbids, and what makes no sense (409, 404). */
export function act(space: Space, action: RoomAction, { user, now, name = 'Guest' }: Acting): Space {
  const target = 'who' in action ? action.who : undefined
  assertNotEnded(space)
  // Before the table, which knows roles but not reasons.
  if (action.do === 'stage.leave' && space.host.id === user.id) throw hostStays()
  assertMay(space, user.id, action.do, target)
  switch (action.do) {
    case 'policy':
      return { ...space, policy: action.policy }
    case 'hand.raise':
    case 'hand.lower':
    case 'hand.refuse':
      return space
    case 'hand.accept':
      return letOn(space, action.who, { name, since: now })
    case 'stage.invite':
      return invite(space, action.who, action.name, now)
    case 'stage.answer':
      return answer(space, user, action.yes, now)
    case 'stage.leave':
      return without(space, user.id)
    case 'stage.move':
      return without(space, action.who)
    case 'stage.remove':
      return sendAway(space, action.who, 'removed', now)
    case 'mute.self':
      return mute(space, user.id, (was) => (was === 'no' ? 'self' : was))
    case 'unmute.self':
      if (muteOf(space, user.id) === 'locked')
        throw new AppError(409, 'mute_locked', 'A host muted you, and lets you speak again himself.')
      return mute(space, user.id, () => 'no')
    case 'mute.other':
      return mute(space, action.who, (was) => (was === 'no' ? 'host' : was))
    case 'mute.lock':
      return mute(space, action.who, () => 'locked')
    case 'unmute.other':
      // A locked one may have been muted by himself before: he opens it himself.
      return mute(space, action.who, (was) => (was === 'host' ? 'no' : was === 'locked' ? 'host' : was))
    case 'mute.all':
      return Object.keys(space.speakers)
        .filter((id) => may(actorIn(space, user.id), 'mute.other', actorIn(space, id)))
        .reduce(
          (muted, id) => mute(muted, id, (was) => (action.lock ? 'locked' : was === 'no' ? 'host' : was)),
          space,
        )
    case 'ban':
      return ban(space, action.who, action.link ?? false, now)
    case 'unban': {
      const { [action.who]: _pardoned, ...out } = space.out
      return { ...space, out }
    }
    case 'cohost.make':
      return makeCohost(space, action.who)
    case 'cohost.unmake':
      return change(space, action.who, (speaker) =>
        speaker.role === 'cohost' ? { ...speaker, role: 'speaker' } : speaker,
      )
    case 'handover':
      return handOver(space, action.who)
  }
}

/** The same action, told by message `n` of whoever does it. Once it was done it is not done again; throws `stale` (409) when a later one was. */
export function actInOrder(
  space: Space,
  n: number,
  { user }: Acting,
  change: (space: Space) => Space,
): Space {
  const last = Object.hasOwn(space.acted, user.id) ? space.acted[user.id]! : -1
  if (n === last) return space
  if (n < last) throw new AppError(409, 'stale', `Message ${n} came after ${last}; it was not done.`)
  const changed = change(space) // Also what was so already counts: an earlier message that comes after it would undo it.
  const { [user.id]: _before, ...others } = changed.acted
  const kept = Object.entries(others).slice(1 - MAX_ACTED)
  return { ...changed, acted: { ...Object.fromEntries(kept), [user.id]: n } }
}

/** Takes a link; without one, whoever likes comes on stage where everyone may. Throws `bad_invite`, `removed` (403), … */
export function enter(space: Space, code: string | undefined, { user, now }: Acting): Space {
  assertNotEnded(space)
  assertMay(space, user.id, 'stage.enter')
  if (code === undefined) {
    if (roleIn(space, user.id) !== 'listener') return space
    assertNotRemoved(space, user.id)
    if (space.policy !== 'everyone')
      throw new AppError(403, 'not_for_everyone', 'In this space people come on stage when a host lets them.')
    return letOn(space, user.id, { name: user.name, since: now })
  }
  const link = Object.hasOwn(space.links, code) ? space.links[code] : undefined
  if (!link || link.revokedAt !== undefined) throw badInvite()
  if (
    space.speakers[user.id]?.link === code ||
    (link.role === 'speaker' && roleIn(space, user.id) !== 'listener')
  ) {
    const speaker = space.speakers[user.id]!
    return { ...space, speakers: { ...space.speakers, [user.id]: { ...speaker, name: user.name } } }
  }
  if (link.expiresAt !== undefined && link.expiresAt <= now) throw badInvite('This link has expired.')
  if (link.maxUses !== undefined && link.uses >= link.maxUses)
    throw badInvite('This link was used as often as it may be.')
  const used = { ...space, links: { ...space.links, [code]: { ...link, uses: link.uses + 1 } } }
  if (link.role === 'listener') return used
  assertNotRemoved(space, user.id)
  return letOn(used, user.id, { name: user.name, since: now, link: code })
}

/** Dead links make room for new ones. Throws `too_many_links` (409). */
export function addLink(space: Space, code: string, link: Link, now: number): Space {
  assertNotEnded(space)
  const kept = Object.entries(space.links)
  while (kept.length >= MAX_LINKS) {
    const dead = kept.findIndex(([, old]) => !isGood(old, now))
    if (dead < 0)
      throw new AppError(
        409,
        'too_many_links',
        `${MAX_LINKS} links of this space are good. Revoke one first.`,
      )
    kept.splice(dead, 1)
  }
  return { ...space, links: { ...Object.fromEntries(kept), [code]: link } }
}

export const isGood = (link: Link, now: number): boolean =>
  link.revokedAt === undefined &&
  (link.expiresAt === undefined || link.expiresAt > now) &&
  (link.maxUses === undefined || link.uses < link.maxUses)

/** The link lets nobody in any more, and whoever came by it is off the stage; with `banned`, out of the space. Hosts and co-hosts stay. */
export function revokeLink(space: Space, code: string, banned: boolean, now: number): Space {
  const link = Object.hasOwn(space.links, code) ? space.links[code] : undefined
  if (!link) throw new AppError(404, 'unknown_link', 'There is no such link.')
  let changed: Space = {
    ...space,
    links: { ...space.links, [code]: { ...link, revokedAt: link.revokedAt ?? now } },
  }
  for (const [id, speaker] of Object.entries(space.speakers)) {
    if (speaker.link !== code || speaker.role !== 'speaker') continue
    changed = banned ? sendAway(changed, id, 'banned', now) : without(changed, id)
  }
  return changed
}

function letOn(space: Space, id: string, speaker: Omit<Speaker, 'role'>): Space {
  const { [id]: asked, ...invited } = space.invited
  const { [id]: _forgiven, ...out } = space.out
  const name = speaker.name === 'Guest' && asked ? asked.name : speaker.name // Accepted after his hand went down.
  const known = Object.hasOwn(space.speakers, id) ? space.speakers[id] : undefined
  const speakers: Space['speakers'] = {
    ...space.speakers,
    [id]: known ?? { ...speaker, name, role: 'speaker' },
  }
  if (Object.keys(speakers).length > MAX_SPEAKERS)
    throw new AppError(409, 'too_many_speakers', `More than ${MAX_SPEAKERS} people were let onto this stage.`)
  return { ...space, speakers, invited, out }
}

function invite(space: Space, id: string, name: string, now: number): Space {
  if (roleIn(space, id) !== 'listener') return space
  const open = Object.entries(space.invited).filter(
    ([invited, { at }]) => invited !== id && now - at < ROOM_TIMES.invitationMs,
  )
  if (open.length >= MAX_INVITED)
    throw new AppError(
      409,
      'too_many_invited',
      `${open.length} people are invited and have not answered yet.`,
    )
  return { ...space, invited: { ...Object.fromEntries(open), [id]: { name, at: now } } }
}

function answer(space: Space, user: User, yes: boolean, now: number): Space {
  if (roleIn(space, user.id) !== 'listener') return space
  const asked = Object.hasOwn(space.invited, user.id) ? space.invited[user.id] : undefined
  if (!asked || now - asked.at >= ROOM_TIMES.invitationMs) {
    if (!yes) return space
    throw new AppError(409, 'not_invited', 'Nobody asks you onto the stage any more. Raise your hand.')
  }
  if (yes) return letOn(space, user.id, { name: user.name, since: now })
  const { [user.id]: _no, ...invited } = space.invited
  return { ...space, invited }
}

/** Off the stage, and no longer invited. */
function without(space: Space, id: string): Space {
  const { [id]: _left, ...speakers } = space.speakers
  const { [id]: _asked, ...invited } = space.invited
  const { vanished, ...rest } = space
  return { ...rest, speakers, invited, ...(vanished && vanished.id !== id && { vanished }) }
}

function sendAway(space: Space, id: string, kind: 'removed' | 'banned', now: number): Space {
  const known = Object.hasOwn(space.out, id) ? space.out[id] : undefined
  if (known?.kind === 'banned') return space
  const name = space.speakers[id]?.name ?? space.invited[id]?.name ?? known?.name ?? 'Guest'
  const kept = Object.entries(space.out)
  if (!known && kept.length >= MAX_OUT) {
    const oldest = kept.findIndex(([, { kind }]) => kind === 'removed')
    if (oldest < 0) throw new AppError(409, 'too_many_bans', `${MAX_OUT} people are banned here already.`)
    kept.splice(oldest, 1)
  }
  return without({ ...space, out: { ...Object.fromEntries(kept), [id]: { name, kind, at: now } } }, id)
}

function ban(space: Space, id: string, byLink: boolean, now: number): Space {
  const code = space.speakers[id]?.link
  const banned = sendAway(space, id, 'banned', now)
  return byLink && code !== undefined && Object.hasOwn(space.links, code)
    ? revokeLink(banned, code, true, now)
    : banned
}

function makeCohost(space: Space, id: string): Space {
  if (roleIn(space, id) === 'cohost') return space
  const count = Object.values(space.speakers).filter(({ role }) => role === 'cohost').length
  if (count >= space.cohosts)
    throw new AppError(409, 'too_many_cohosts', `This space has ${count} co-hosts of ${space.cohosts}.`)
  return change(space, id, (speaker) => ({ ...withoutMute(speaker), role: 'cohost' }))
}

/** The host becomes a co-host, whatever their limit is; what was kept for one who vanished is over. */
function handOver(space: Space, id: string): Space {
  const next = space.speakers[id]!
  const before = space.speakers[space.host.id]
  const { vanished: _over, ...rest } = space
  return {
    ...rest,
    host: { id, name: next.name },
    speakers: {
      ...space.speakers,
      ...(before && { [space.host.id]: { ...before, role: 'cohost' } }),
      [id]: { ...withoutMute(next), role: 'host' },
    },
  }
}

function change(space: Space, id: string, how: (speaker: Speaker) => Speaker): Space {
  if (!Object.hasOwn(space.speakers, id))
    throw new AppError(404, 'unknown_speaker', `Nobody of the id ${id} may speak in this space.`)
  return { ...space, speakers: { ...space.speakers, [id]: how(space.speakers[id]!) } }
}

const muteOf = (space: Space, id: string): Muted => space.speakers[id]?.muted ?? 'no'

function mute(space: Space, id: string, next: (was: Muted) => Muted): Space {
  const was = muteOf(space, id)
  const muted = next(was)
  return muted === was ? space : change(space, id, (speaker) => ({ ...speaker, muted }))
}

function assertNotEnded(space: Space): void {
  if (space.state === 'ended') throw new AppError(409, 'already_ended', 'This space has ended.')
}

function assertNotRemoved(space: Space, id: string): void {
  if (Object.hasOwn(space.out, id))
    throw new AppError(
      403,
      'removed',
      'A host took you off this stage. Raise your hand, and he may let you on again.',
    )
}

const hostStays = (): AppError =>
  new AppError(409, 'host_stays', 'The host can’t leave for good: he hands the space over first, or ends it.')

const badInvite = (
  message = 'This link is not valid for this space. Ask the host for a new one.',
): AppError => new AppError(403, 'bad_invite', message)
