import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  findProgram,
  freePorts,
  startProgram,
  temporaryFolder,
  type Program,
} from '@odeon/common/adapters/testing/programs.ts'
import { openHouse, type Guest, type House } from './harness.ts'

const SECRET = 'shared with the relay'

describe('the STUN and TURN servers of a speaker', () => {
  let house: House
  let host: Guest
  let whip: string
  beforeAll(async () => {
    house = await openHouse({
      ice: { urls: ['stun:stun.example.org', 'turn:turn.example.org:3478?transport=udp'], secret: SECRET },
    })
    host = await house.guest('Hana')
    whip = `/api/spaces/${await house.space(host)}/whip`
  })
  afterAll(() => house.close())

  test('are told before the offer and in the answer to it, each with a password that ends by itself', async () => {
    const before = await house.ask('OPTIONS', whip, { token: host.token })
    const answered = await house.ask('POST', whip, {
      token: host.token,
      type: 'application/sdp',
      body: 'v=0\r\n',
    })
    expect([before.status, answered.status]).toEqual([204, 201])
    expect(before.headers.get('accept-post')).toBe('application/sdp')
    const links = before.headers.get('link')!
    expect(answered.headers.get('link')).toBe(links)
    const ends = Math.floor(house.clock.now / 1000) + 12 * 3600
    expect(links).toContain('<stun:stun.example.org>; rel="ice-server"')
    expect(links).toMatch(
      new RegExp(
        `<turn:turn\\.example\\.org:3478\\?transport=udp>; rel="ice-server"; username="${ends}:${host.user.id}"; credential="[A-Za-z0-9+/]{27}="; credential-type="password"`,
      ),
    )
  })

  test('are told to nobody without a session', async () => {
    const anyone = await house.ask('OPTIONS', whip)
    expect([anyone.status, anyone.headers.get('link')]).toEqual([204, null])
    expect((await house.ask('OPTIONS', whip, { token: 'none' })).status).toBe(401)
  })
})

const TURNSERVER = findProgram('turnserver')
const CLIENT = findProgram('turnutils_uclient')
const HINT = 'needs coturn: apt install coturn'

describe.skipIf(!TURNSERVER || !CLIENT)(`coturn${TURNSERVER && CLIENT ? '' : ` (${HINT})`}`, () => {
  let relay: Program
  let port: number
  const folder = temporaryFolder()
  beforeAll(async () => {
    ;[port] = (await freePorts(1)) as [number]
    relay = await startProgram(
      'stdbuf', // It keeps its words to itself where nobody watches.
      [
        ...['-oL', TURNSERVER!],
        ...['-n', '--log-file', 'stdout', '--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1'],
        ...['--listening-port', String(port), '--realm', 'odeon', '--no-tls', '--no-dtls', '--no-cli'],
        ...['--use-auth-secret', '--static-auth-secret', SECRET, '--allow-loopback-peers'],
        ...['--pidfile', `${folder.path}/pid`, '--userdb', `${folder.path}/db`],
      ],
      { ready: /SQLite DB connection success/ },
    )
  })
  afterAll(async () => {
    await relay?.stop()
    folder.remove()
  })

  /** Whether coturn relays for whoever comes with these credentials. */
  async function relays(username: string, credential: string): Promise<boolean> {
    const client = spawn(CLIENT!, [
      ...['-u', username, '-w', credential, '-p', String(port), '-y', '-m', '1', '-n', '1', '127.0.0.1'],
    ])
    let output = ''
    client.stdout.on('data', (data: Buffer) => (output += data.toString()))
    client.stderr.on('data', (data: Buffer) => (output += data.toString()))
    const ending = setTimeout(() => client.kill(), 20_000)
    await once(client, 'close')
    clearTimeout(ending)
    return /Total lost packets 0 /.test(output) && !/error 401|Unauthorized/i.test(output)
  }

  test('takes the password that a speaker is given, and no other', { timeout: 60_000 }, async () => {
    const house = await openHouse({ ice: { urls: [`turn:127.0.0.1:${port}`], secret: SECRET } })
    try {
      house.clock.now = Date.now()
      const host = await house.guest('Hana')
      const answer = await house.ask('OPTIONS', `/api/spaces/${await house.space(host)}/whip`, {
        token: host.token,
      })
      const [, username, credential] = /username="(.*?)"; credential="(.*?)"/.exec(
        answer.headers.get('link')!,
      )!
      expect(await relays(username!, credential!)).toBe(true)
      expect(await relays(username!, 'c29tZXRoaW5nIGVsc2Ugd3Jvbmc=')).toBe(false)
    } finally {
      await house.close()
    }
  })
})
