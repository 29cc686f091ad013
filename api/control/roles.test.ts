import { newSpaceId } from '@odeon/common/ids.ts'
import { roomKey, spaceKey } from '@odeon/common/keys.ts'
import { hasTarget, may, ROLE_TABLE, type Action, type Actor } from '@odeon/common/roles.ts'
import { RoomAction, type RoomState } from '@odeon/common/room.ts'
import { newSpace, type Space } from '@odeon/common/space.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, type Guest, type House } from './harness.ts'
import { openStage } from './stage-client.ts'

/** Every cell of the table of roles, over HTTP and over the socket of the stage: who may is let, who may not is refused. */

const ACTORS = ['host', 'cohost', 'speaker', 'listener', 'banned'] as const
const LINK = 'x'.repeat(24)
const POST = 'p'.repeat(20)

let house: House
const actors = {} as Record<Actor, Guest>
const targets = {} as Record<Actor, Guest>
beforeAll(async () => {
  house = await openHouse({ limits: { sessions: 1e6, hands: 1e6, links: 1e6, spaces: 1e6 } })
  for (const actor of ACTORS) {
    actors[actor] = await house.guest(`A ${actor}`)
    targets[actor] = await house.guest(`Another ${actor}`)
  }
})
afterAll(() => house.close())

/** A live space with one of each, and another of each that something is done to. There is one host: he is both. */
async function openSpace(action: Action, actor: Actor): Promise<string> {
  const { user: host } = actors.host
  const space: Space = {
    ...newSpace({ id: newSpaceId(), title: 'A talk', host, createdAt: house.clock.now }),
    state: action === 'start' ? 'scheduled' : 'live',
    ...(action !== 'start' && { startedAt: house.clock.now }),
    policy: 'everyone',
    cohosts: 5,
  }
  for (const people of [actors, targets]) {
    space.speakers[people.cohost.user.id] = { name: 'Co', role: 'cohost' }
    space.speakers[people.speaker.user.id] = { name: 'Sp', role: 'speaker' }
    space.out[people.banned.user.id] = { name: 'Ba', kind: 'banned', at: 0 }
  }
  space.links[LINK] = { role: 'speaker', by: host.id, createdAt: 0, uses: 0 }
  // An invitation, so that an answer to it makes sense.
  space.invited[actors[actor].user.id] = { name: 'In', at: house.clock.now }
  await house.ports.store.put(spaceKey(space.id), space, 0)
  // As the mixer tells it: somebody has posted something.
  const by = { id: targets.speaker.user.id, name: 'Sp' }
  const state: RoomState = {
    changes: 0,
    inbox: { major: 0, minor: 0 },
    members: [],
    talking: [],
    hands: [],
    sample: [],
    posts: [{ id: POST, by, role: 'speaker', text: 'Hello', frame: 1 }],
  }
  await house.ports.log.add(roomKey(space.id), new TextEncoder().encode(JSON.stringify(state)))
  return space.id
}
const targetOf = (target: Actor): string => (target === 'host' ? actors : targets)[target].user.id

type Request = [method: string, path: string, body?: unknown, type?: string]
/** The route of each action. */
const ROUTES: Partial<Record<Action, (me: string, who: string) => Request>> = {
  start: () => ['POST', '/start'],
  end: () => ['POST', '/end'],
  settings: () => ['PATCH', '', { title: 'Another' }],
  policy: () => ['PATCH', '', { policy: 'request' }],
  'link.make': () => ['POST', '/invites', { role: 'listener' }],
  'link.list': () => ['GET', '/invites'],
  'link.revoke': () => ['DELETE', `/invites/${LINK}`],
  'hand.lower': (me) => ['DELETE', `/hands/${me}`],
  'hand.list': () => ['GET', '/hands'],
  'hand.accept': (_, who) => ['POST', `/hands/${who}/accept`],
  'hand.refuse': (_, who) => ['DELETE', `/hands/${who}`],
  'stage.invite': (_, who) => ['PUT', `/invitations/${who}`, { name: 'Who' }],
  'stage.answer': () => ['POST', '/invitation', { yes: false }],
  'stage.enter': () => ['POST', '/speakers', {}],
  'stage.speak': () => ['POST', '/whip', 'v=0', 'application/sdp'],
  'stage.leave': (me) => ['DELETE', `/speakers/${me}`],
  'stage.move': (_, who) => ['DELETE', `/speakers/${who}`],
  'stage.remove': (_, who) => ['DELETE', `/speakers/${who}?remove=1`],
  'mute.self': (me) => ['POST', `/speakers/${me}/mute`, { muted: true }],
  'unmute.self': (me) => ['POST', `/speakers/${me}/mute`, { muted: false }],
  'mute.other': (_, who) => ['POST', `/speakers/${who}/mute`, { muted: true }],
  'unmute.other': (_, who) => ['POST', `/speakers/${who}/mute`, { muted: false }],
  'mute.lock': (_, who) => ['POST', `/speakers/${who}/mute`, { muted: true, lock: true }],
  'mute.all': () => ['POST', '/mute-all', {}],
  ban: (_, who) => ['PUT', `/bans/${who}`, {}],
  unban: (_, who) => ['DELETE', `/bans/${who}`],
  'ban.list': () => ['GET', '/bans'],
  'face.remove': (_, who) => ['DELETE', `/speakers/${who}/face`],
  'cohost.make': (_, who) => ['PUT', `/speakers/${who}/role`, { role: 'cohost' }],
  'cohost.unmake': (_, who) => ['PUT', `/speakers/${who}/role`, { role: 'speaker' }],
  handover: (_, who) => ['PUT', `/speakers/${who}/role`, { role: 'host' }],
  post: () => ['POST', '/posts', { text: 'Hello' }],
  'post.remove': () => ['DELETE', `/posts/${POST}`],
  pin: () => ['PUT', '/pin', { post: POST }],
  react: () => ['POST', '/reactions', { emoji: '👏' }],
  report: () => ['POST', '/reports', { what: 'space', why: 'It is not nice' }],
  'report.list': () => ['GET', '/reports'],
}
/** Nobody is refused by his role alone: a hand of one who is on stage is up already, so to speak. */
const HARMLESS: Action[] = ['hand.raise', 'stage.wait']

const cells = (action: Action): { actor: Actor; target: Actor | undefined }[] =>
  ACTORS.flatMap((actor): { actor: Actor; target: Actor | undefined }[] =>
    hasTarget(action)
      ? ACTORS.filter((target) => target !== actor || target !== 'host').map((target) => ({ actor, target }))
      : [{ actor, target: undefined }],
  )

/** Refused because of who he is, or because of who the other is. */
const NO = ['forbidden', 'banned', 'unknown_speaker', 'host_stays']
/** What the role allows may still make no sense just now. */
const wasLet = (code: string): boolean => !NO.includes(code)

describe('over HTTP', () => {
  for (const action of Object.keys(ROUTES) as Action[])
    test(`${action}: whom the table lets, and no one else`, async () => {
      for (const { actor, target } of cells(action)) {
        const id = await openSpace(action, actor)
        const who = target === undefined ? '' : targetOf(target)
        const [method, path, body, type] = ROUTES[action]!(actors[actor].user.id, who)
        const { code, status } = await house.ask(method, `/api/spaces/${id}${path}`, {
          token: actors[actor].token,
          ...(body !== undefined && { body }),
          ...(type && { type }),
        })
        const cell = `${actor} ${action} ${target ?? ''}: ${status} ${code}`
        expect(`${wasLet(code) ? 'yes' : 'no'} ${cell}`).toBe(
          `${may(actor, action, target) ? 'yes' : 'no'} ${cell}`,
        )
      }
    })

  test('a hand is a listener’s; of one on stage it changes nothing, and a banned one has none', async () => {
    for (const actor of ACTORS) {
      const id = await openSpace('hand.raise', actor)
      const { status } = await house.ask('POST', `/api/spaces/${id}/hands`, { token: actors[actor].token })
      expect([actor, status]).toEqual([actor, actor === 'banned' ? 403 : 202])
      const told = await house.ports.log.newest(`space:{${id}}:inbox`)
      expect([actor, told !== undefined]).toEqual([actor, may(actor, 'hand.raise')])
    }
  })
})

describe('over the socket of the stage', () => {
  const overSocket = RoomAction.def.options.map((option) => option.shape.do.def.values[0] as RoomAction['do'])
  const fields = { policy: 'request', yes: false, name: 'Who' }
  for (const action of overSocket)
    test(`${action}: whom the table lets, and no one else`, async () => {
      for (const { actor, target } of cells(action)) {
        if (HARMLESS.includes(action) && actor !== 'banned') continue
        const id = await openSpace(action, actor)
        const stage = await openStage(house.url, id, actors[actor].token)
        const who = target === undefined ? undefined : targetOf(target)
        const code = await stage.act({ do: action, ...fields, who } as unknown as RoomAction)
        stage.close()
        const cell = `${actor} ${action} ${target ?? ''}: ${code}`
        expect(`${wasLet(code) ? 'yes' : 'no'} ${cell}`).toBe(
          `${may(actor, action, target) ? 'yes' : 'no'} ${cell}`,
        )
      }
    })
})

test('every action of the table has its route, but for the two of a raised hand', () => {
  const missing = Object.keys(ROLE_TABLE).filter((action) => !Object.hasOwn(ROUTES, action))
  expect(missing).toEqual(HARMLESS)
})

test('the table knows every action that a socket can ask for', () => {
  for (const option of RoomAction.def.options)
    expect(ROLE_TABLE).toHaveProperty([option.shape.do.def.values[0]!])
})
