import { expect, test } from 'vitest'
import { iceServersOf } from './ice.ts'

test('STUN and TURN servers are read from Link headers; other links and nothing at all are no servers', () => {
  const links =
    '<stun:stun.example.org>; rel="ice-server", ' +
    '<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; username="1790000000:u1"; credential="a+b/c="; credential-type="password", ' +
    '</style.css>; rel="preload"'
  expect(iceServersOf(links)).toEqual([
    { urls: 'stun:stun.example.org' },
    { urls: 'turn:turn.example.org:3478?transport=udp', username: '1790000000:u1', credential: 'a+b/c=' },
  ])
  expect(iceServersOf(null)).toEqual([])
  expect(iceServersOf('<turn:x>; rel="other"')).toEqual([])
})
