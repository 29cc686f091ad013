import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type StageClient } from '@odeon/api/control/stage-client.ts'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3 } from '@odeon/common/adapters/testing/s3.ts'
import { call, newGuest, newSpeaker, openSpace, type Guest } from './client.ts'
import { HAS_CLUSTER, startCluster, type TestCluster } from './cluster.ts'
import type { OdeonProcess } from './odeon-process.ts'

/** The stage's socket at two api nodes: which of them somebody came to makes no difference. */

const reason = HAS_CLUSTER ? 'over Redis' : `${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`

describe.skipIf(!HAS_CLUSTER)(`two api nodes (${reason})`, () => {
  let cluster: TestCluster
  let one: OdeonProcess
  let two: OdeonProcess
  let id: string
  let host: Guest
  const open: StageClient[] = []
  const enter = async (at: OdeonProcess, { token }: Guest): Promise<StageClient> => {
    const stage = await openStage(at.url, id, token)
    open.push(stage)
    return stage
  }
  beforeAll(async () => {
    cluster = await startCluster()
    ;[one, two] = await Promise.all([cluster.start('api'), cluster.start('api')])
    await cluster.start('ingest')
    const space = await openSpace(one.url, 'Two doors')
    id = space.id
    host = space.host
  }, 60_000)
  afterAll(async () => {
    for (const stage of open) stage.close()
    await cluster?.close()
  })

  test(
    'what somebody does is done in his order, once, whichever node it comes by',
    { timeout: 30_000 },
    async () => {
      const ben = await newSpeaker(one.url, id, host, 'Ben')
      const [first, second] = [await enter(one, host), await enter(two, host)]
      // Ben is not on stage with a connection; how he is muted is in what he himself is shown.
      const asBen = await enter(two, ben)
      const isMuted = (muted: string) => asBen.shown(({ you }) => you.muted === muted)
      const mute = { do: 'mute.other', who: ben.user.id } as const
      const unmute = { do: 'unmute.other', who: ben.user.id } as const
      await isMuted('no')
      expect(await first.act(mute, 10)).toBe('done')
      await isMuted('host')
      expect(await second.act(unmute, 20)).toBe('done')
      await isMuted('no')
      await first.shown(({ you }) => you.acted === 20)

      expect(await first.act(unmute, 20)).toBe('done') // Again, by the other node.
      expect(await second.act(mute, 10)).toBe('stale')
      expect(await first.act(mute, 10)).toBe('done') // The answer of the first time; it is not done again.
      expect(await first.act(unmute, 30)).toBe('done')
      expect(await second.act(mute, 25)).toBe('stale') // What its own node could not know.
      expect(await second.act(mute, 31)).toBe('done')
      await isMuted('host')
      const shown = asBen.messages.flatMap((message) =>
        message.type === 'room' ? [message.room.you.muted] : [],
      )
      expect(shown.filter((muted, n) => muted !== shown[n - 1])).toEqual(['no', 'host', 'no', 'host'])
    },
  )

  test(
    'a hand that goes up at one is seen by the host at the other; it stays up when its node dies, and is accepted',
    { timeout: 60_000 },
    async () => {
      const ana = await newGuest(two.url, 'Ana')
      const asHost = await enter(two, host)
      const raised = await call(`${one.url}/api/spaces/${id}/hands`, 'POST', undefined, ana.token)
      expect(raised.status).toBe(202)
      const asAna = await enter(one, ana)
      await asAna.shown(({ you }) => you.hand === 1)
      await asHost.shown(({ hands }) => hands?.some((hand) => hand.id === ana.user.id) ?? false)

      await one.stop('SIGKILL')
      await asAna.gone
      const again = await enter(two, ana)
      await again.shown(({ you }) => you.hand === 1)
      expect(await asHost.act({ do: 'hand.accept', who: ana.user.id })).toBe('done')
      await again.shown(({ you }) => you.role === 'speaker')
      await asHost.shown(({ handsUp }) => handsUp === 0)
    },
  )
})
