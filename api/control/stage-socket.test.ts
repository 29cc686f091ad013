import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inboxKey, roomKey } from '@odeon/common/keys.ts'
import { FIRST } from '@odeon/common/ports.ts'
import type { RoomState } from '@odeon/common/room.ts'
import { updateSpace } from '@odeon/common/space.ts'
import { WebSocket } from 'ws'
import { openHouse, type Guest, type House } from './harness.ts'
import { openStage, type StageClient } from './stage-client.ts'

let house: House
let host: Guest
let id: string
const open: StageClient[] = []
beforeAll(async () => void (house = await openHouse({ limits: { sessions: 1e6, spaces: 1e6 } })))
afterAll(async () => {
  for (const stage of open) stage.close()
  await house.close()
})
beforeEach(async () => {
  host = await house.guest('Hana')
  id = await house.space(host)
  written = 0
})

const enter = async ({ token }: Guest): Promise<StageClient> => {
  const stage = await openStage(house.url, id, token)
  open.push(stage)
  return stage
}
let written = 0
/** As the mixer of a space tells of it. */
const tell = async (state: Partial<RoomState>): Promise<void> => {
  const whole: RoomState = {
    changes: ++written,
    inbox: FIRST,
    members: [],
    talking: [],
    hands: [],
    sample: [],
    ...state,
  }
  const body = new TextEncoder().encode(JSON.stringify(whole))
  await house.ports.log.append(roomKey(id), { major: 1, minor: written }, body)
}
const handOf = ({ user }: Guest) => ({ id: user.id, name: user.name, at: 1, ready: false })
const inbox = async (): Promise<{ type: string }[]> =>
  (await house.ports.log.read(inboxKey(id), FIRST)).map(
    ({ body }) => JSON.parse(new TextDecoder().decode(body)) as { type: string },
  )

describe('what is shown', () => {
  test('the whole room at once, and again at each change; hands by name to hosts alone, to others their place', async () => {
    const [ana, ben] = [await house.guest('Ana'), await house.guest('Ben')]
    await tell({ hands: [handOf(ana), handOf(ben)] })
    const [asHost, asBen] = [await enter(host), await enter(ben)]
    const room = await asHost.shown(({ handsUp }) => handsUp === 2)
    expect(room.hands?.map(({ name }) => name)).toEqual(['Ana', 'Ben'])
    expect(room).toMatchObject({ policy: 'request', recorded: true, host: host.user, you: { role: 'host' } })
    expect(await asBen.shown(({ you }) => you.hand === 2)).not.toHaveProperty('hands')
    await tell({ hands: [handOf(ben)] })
    await asBen.shown(({ you }) => you.hand === 1)
    await asHost.shown(({ handsUp }) => handsUp === 1)
  })

  test('a change of the document, made anywhere, once the mixer has seen to it', async () => {
    const stage = await enter(host)
    await stage.shown(() => true)
    await updateSpace(house.ports.store, id, (space) => ({ ...space, title: 'Renamed', policy: 'everyone' }))
    await tell({})
    await stage.shown(({ title, policy }) => title === 'Renamed' && policy === 'everyone')
  })

  test('the end, and who has a socket is told to the mixer', async () => {
    const stage = await enter(host)
    await stage.shown(() => true)
    await expect.poll(inbox).toContainEqual({ type: 'alive', ids: [host.user.id] })
    await tell({ ended: true })
    expect(await stage.gone).toBe('ended')
  })
})

describe('who may stay', () => {
  test('a hand that goes down takes its socket along; so does a place on stage that is taken away', async () => {
    const ana = await house.guest('Ana')
    const ben = await house.speaker(host, id)
    await tell({ hands: [handOf(ana)] })
    const [asAna, asBen, asHost] = [await enter(ana), await enter(ben), await enter(host)]
    await Promise.all([asAna.shown(({ you }) => you.hand === 1), asBen.shown(() => true)])
    expect(await asHost.act({ do: 'stage.move', who: ben.user.id })).toBe('done')
    await tell({})
    expect(await asAna.gone).toBe('audience')
    expect(await asBen.gone).toBe('audience')
  })

  test('who is banned is sent away, and does not come in again', async () => {
    const ben = await house.speaker(host, id)
    const [asBen, asHost] = [await enter(ben), await enter(host)]
    await asBen.shown(() => true)
    expect(await asHost.act({ do: 'ban', who: ben.user.id })).toBe('done')
    await tell({})
    expect(await asBen.gone).toBe('banned')
    expect(await (await enter(ben)).gone).toBe('banned')
  })

  test('a second socket takes the place of the first; a wrong token, and a space that ended, are told so', async () => {
    const first = await enter(host)
    await first.shown(() => true)
    const second = await enter(host)
    expect(await first.gone).toBe('replaced')
    await second.shown(() => true)
    expect(await (await openStage(house.url, id, 'nonsense')).gone).toBe('unauthorized')
    await house.ask('POST', `/api/spaces/${id}/end`, { token: host.token })
    expect(await (await enter(host)).gone).toBe('ended')
  })

  test('a listener with no hand up waits a moment for it to be seen, then goes', async () => {
    const ana = await house.guest('Ana')
    const stage = await enter(ana)
    expect(await stage.gone).toBe('audience')
  }, 20_000)

  test('there is no socket elsewhere, and who asks for HTTP/2 in clear gets HTTP/1.1', async () => {
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/api/spaces`)
    expect(await new Promise((resolve) => socket.on('error', (error) => resolve(String(error))))).toContain(
      '404',
    )
    const { status } = await house.ask('GET', `/api/spaces/${id}`, { headers: { 'x-upgrade': 'h2c' } })
    expect(status).toBe(200)
  })
})

describe('what is done', () => {
  test('the same message again gets the same answer and does nothing; one that comes late is refused', async () => {
    const ben = await house.speaker(host, id)
    const stage = await enter(host)
    const muted = async () =>
      (
        (await house.ports.store.get(`space:{${id}}`))!.value as {
          speakers: Record<string, { muted?: string }>
        }
      ).speakers[ben.user.id]!.muted ?? 'no'
    expect(await stage.act({ do: 'mute.other', who: ben.user.id }, 10)).toBe('done')
    expect(await stage.act({ do: 'unmute.other', who: ben.user.id }, 11)).toBe('done')
    expect(await stage.act({ do: 'mute.other', who: ben.user.id }, 10)).toBe('done')
    expect(await muted()).toBe('no')
    expect(await stage.act({ do: 'mute.other', who: ben.user.id }, 9)).toBe('stale')
    expect(await muted()).toBe('no')
  })

  test('two hosts at once: the later finds it done; on one who has just left, there is nothing to be done', async () => {
    const ben = await house.speaker(host, id)
    const ana = await house.guest('Ana')
    await house.ask('PUT', `/api/spaces/${id}/speakers/${ben.user.id}/role`, {
      token: host.token,
      body: { role: 'cohost' },
    })
    await tell({ hands: [handOf(ana)] })
    const [asHost, asBen] = [await enter(host), await enter(ben)]
    const accept = { do: 'hand.accept', who: ana.user.id } as const
    expect(await Promise.all([asHost.act(accept), asBen.act(accept)])).toEqual(['done', 'done'])
    await tell({})
    expect(await asBen.act(accept)).toBe('done')
    const leave = await house.ask('DELETE', `/api/spaces/${id}/speakers/${ana.user.id}`, { token: ana.token })
    expect(leave.status).toBe(204)
    expect(await asHost.act({ do: 'mute.other', who: ana.user.id })).toBe('unknown_speaker')
    expect(await asHost.act(accept)).toBe('no_hand')
    expect(await asHost.act({ do: 'stage.move', who: ana.user.id })).toBe('done')
  })

  test('nonsense is refused and harms nobody; a message that is too long ends the socket', async () => {
    const stage = await enter(host)
    for (const text of ['', '{', '[]', '{"type":"act"}', '{"type":"act","n":1,"action":{"do":"dance"}}'])
      stage.sendRaw(text)
    await expect.poll(() => stage.messages.filter(({ type }) => type === 'refused').length).toBe(5)
    expect(await stage.act({ do: 'policy', policy: 'invited' })).toBe('done')
    stage.sendRaw('x'.repeat(10_000))
    expect(await stage.gone).toBeUndefined()
  })

  test('more than fingers can press is refused', async () => {
    const stage = await enter(host)
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => stage.act({ do: 'policy', policy: 'invited' })),
    )
    expect(answers).toContain('too_many')
    expect(answers.slice(0, 15).every((answer) => answer === 'done')).toBe(true)
  })
})
