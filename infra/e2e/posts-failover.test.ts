import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HOW_TO_INSTALL_REDIS } from '@odeon/common/adapters/testing/redis.ts'
import { HOW_TO_INSTALL_S3 } from '@odeon/common/adapters/testing/s3.ts'
import type { PlacedPost, Post } from '@odeon/common/posts.ts'
import { call, newGuest, openSpace } from './client.ts'
import { HAS_CLUSTER, startCluster, type TestCluster } from './cluster.ts'
import { openEventEar } from './event-ear.ts'

/** What was written stays when the node that stamped it dies, and what is written meanwhile comes after it; what is removed is gone, on Redis and S3 too. */

interface SpaceView {
  startedAt: number
  posts: PlacedPost[]
  pin: PlacedPost | null
}

const reason = HAS_CLUSTER ? 'with a real kill' : `${HOW_TO_INSTALL_REDIS}; ${HOW_TO_INSTALL_S3}`
const poll = <T>(look: () => T) => expect.poll(look, { timeout: 40_000 })

describe.skipIf(!HAS_CLUSTER)(`posts and failover (${reason})`, { timeout: 180_000 }, () => {
  let cluster: TestCluster
  beforeEach(async () => void (cluster = await startCluster()), 60_000)
  afterEach(() => cluster.close())

  test('the ingest node dies: the pin and the posts are still there, none is lost, and what is written meanwhile is in the sound of the next; what is removed is nowhere', async () => {
    const [api, mixer] = await Promise.all([cluster.start('api', 'transcoder'), cluster.start('ingest')])
    const { id, host } = await openSpace(api.url, 'It stays')
    await cluster.start('ingest') // The other: the space is the first one's already.
    const ana = await newGuest(api.url, 'Ana')
    const url = `${api.url}/api/spaces/${id}`
    const view = async () => (await call<SpaceView>(url, 'GET')).body
    const { startedAt } = await view()
    const ear = openEventEar({ url: api.url, id, startedAt })
    const written: string[] = []
    const write = async (text: string): Promise<void> => {
      written.push((await call<Post>(`${url}/posts`, 'POST', { text, key: text }, ana.token)).body.id)
    }
    const events = () => ear.chunks.flatMap(({ events }) => events)
    const heard = () => events().flatMap((event) => (event.type === 'post' ? [event.id] : []))
    /** Frames in which something was pinned. */
    const pins = () => events().flatMap((event) => (event.type === 'pin' && event.post ? [event.frame] : []))

    await write('One')
    await poll(async () => (await view()).posts.length).toBe(1)
    await call(`${url}/pin`, 'PUT', { post: written[0] }, host.token)
    await poll(async () => (await view()).pin?.id).toBe(written[0])
    await poll(() => pins().length).toBeGreaterThan(0)
    await write('Two') // Just before, so that its frame may be written and not told of.
    mixer.child.kill('SIGKILL')
    await write('Three') // While nobody mixes.
    await write('Three')
    await poll(heard).toContain(written[2])
    const { frame } = events().find((event) => event.type === 'post' && event.id === written[2])!
    await poll(() => pins().at(-1)).toBeGreaterThan(frame)
    await poll(async () => (await view()).posts.map(({ id }) => id)).toEqual([...new Set(written)])
    expect((await view()).pin?.id).toBe(written[0])
    expect(new Set(heard())).toEqual(new Set(written))
    await ear.close()

    // What the host removes is in nothing that is stored, live and after the end, whichever mixer wrote it.
    const stored = async (): Promise<string[]> => {
      const download = await fetch(`${api.url}/replay/${id}/audio.m4a`)
      const text = Buffer.from(await download.arrayBuffer()).toString('latin1')
      return ['One', 'Two', 'Three'].filter((post) => text.includes(`"text":"${post}"`))
    }
    const remove = (post: string) => call(`${url}/posts/${post}`, 'DELETE', undefined, host.token)
    expect((await remove(written[1]!)).status).toBe(204)
    await poll(async () => (await view()).posts.length).toBe(2)
    await call(`${url}/end`, 'POST', undefined, host.token)
    const archived = async () => (await fetch(`${api.url}/replay/${id}/archive.json`)).status
    await poll(archived).toBe(200)
    expect(await stored()).toEqual(['One', 'Three'])
    expect((await remove(written[0]!)).status).toBe(202)
    await poll(stored).toEqual(['Three'])
  })
})
