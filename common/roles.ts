import type { Role } from './events.ts'

/** Who may do what in a space: the one table that every route and every message of the stage asks. */

export type RoleInSpace = Role | 'listener'
export type Actor = RoleInSpace | 'banned'

/** Yes, no, or to whom: the roles of those it may be done to. */
type Cell = boolean | readonly Actor[]
type Row = Readonly<Record<Actor, Cell>>

const row = (host: Cell, cohost: Cell, speaker: Cell, listener: Cell, banned: Cell = false): Row => ({
  host,
  cohost,
  speaker,
  listener,
  banned,
})

/** Nobody acts on the host, and co-hosts not on one another. */
const BELOW_HOST = ['cohost', 'speaker', 'listener'] as const
const BELOW_COHOST = ['speaker', 'listener'] as const

// prettier-ignore
export const ROLE_TABLE = {
  //                     host                        cohost                       speaker  listener
  'start':          row(true,                       false,                       false,   false),
  'end':            row(true,                       false,                       false,   false),
  'settings':       row(true,                       false,                       false,   false),
  'policy':         row(true,                       true,                        false,   false),
  'link.make':      row(true,                       true,                        false,   false),
  'link.list':      row(true,                       true,                        false,   false),
  'link.revoke':    row(true,                       true,                        false,   false),
  'hand.raise':     row(false,                      false,                       false,   true),
  'hand.lower':     row(true,                       true,                        true,    true),
  'hand.list':      row(true,                       true,                        false,   false),
  'hand.accept':    row(BELOW_COHOST,               BELOW_COHOST,                false,   false),
  'hand.refuse':    row(BELOW_COHOST,               BELOW_COHOST,                false,   false),
  'stage.invite':   row(BELOW_COHOST,               BELOW_COHOST,                false,   false),
  'stage.answer':   row(true,                       true,                        true,    true),
  'stage.enter':    row(true,                       true,                        true,    true),
  'stage.speak':    row(true,                       true,                        true,    false),
  'stage.wait':     row(false,                      false,                       false,   true),
  'stage.leave':    row(false,                      true,                        true,    true),
  'stage.move':     row(BELOW_HOST,                 BELOW_COHOST,                false,   false),
  'stage.remove':   row(BELOW_HOST,                 BELOW_COHOST,                false,   false),
  'mute.self':      row(true,                       true,                        true,    false),
  'unmute.self':    row(true,                       true,                        true,    false),
  'mute.other':     row(['cohost', 'speaker'],      ['speaker'],                 false,   false),
  'unmute.other':   row(['cohost', 'speaker'],      ['speaker'],                 false,   false),
  'mute.lock':      row(['cohost', 'speaker'],      ['speaker'],                 false,   false),
  'mute.all':       row(true,                       true,                        false,   false),
  'ban':            row([...BELOW_HOST, 'banned'],  [...BELOW_COHOST, 'banned'], false,   false),
  'unban':          row([...BELOW_HOST, 'banned'],  [...BELOW_COHOST, 'banned'], false,   false),
  'ban.list':       row(true,                       true,                        false,   false),
  'face.remove':    row([...BELOW_HOST, 'banned'],  [...BELOW_COHOST, 'banned'], false,   false),
  'cohost.make':    row(['cohost', 'speaker'],      false,                       false,   false),
  'cohost.unmake':  row(['cohost', 'speaker'],      false,                       false,   false),
  'handover':       row(['cohost', 'speaker'],      false,                       false,   false),
  'post':           row(true,                       true,                        true,    true),
  'post.remove':    row(true,                       true,                        false,   false),
  'pin':            row(true,                       true,                        false,   false),
  'react':          row(true,                       true,                        true,    true),
  'report':         row(true,                       true,                        true,    true),
  'report.list':    row(true,                       true,                        false,   false),
} as const satisfies Record<string, Row>

export type Action = keyof typeof ROLE_TABLE

/** `target` is the role of whom it is done to, for what is done to somebody. */
export function may(actor: Actor, action: Action, target?: Actor): boolean {
  const cell: Cell = ROLE_TABLE[action][actor]
  return typeof cell === 'boolean' ? cell : target !== undefined && cell.includes(target)
}

/** It is done to somebody. */
export const hasTarget = (action: Action): boolean =>
  Object.values<Cell>(ROLE_TABLE[action]).some((cell) => typeof cell !== 'boolean')
