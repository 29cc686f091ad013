import { expect, test } from 'vitest'
import { readRoles, readSettings } from './settings.ts'

test('api is two roles, and a process may have only one of them', () => {
  expect([...readRoles(['--roles=api'])]).toEqual(['control', 'origin'])
  expect([...readRoles(['--roles=origin, transcoder'])]).toEqual(['origin', 'transcoder'])
  expect(readRoles([]).size).toBe(4)
})

test('origins are addresses of servers, with commas', () => {
  const { ODEON_ORIGINS } = readSettings({ ODEON_ORIGINS: 'https://a.example.org, http://[::1]:8080/,' })
  expect(ODEON_ORIGINS).toEqual(['https://a.example.org', 'http://[::1]:8080'])
  expect(readSettings({}).ODEON_ORIGINS).toEqual([])
})

test.each([
  'a.example.org',
  'https://a.example.org/live',
  'javascript:1',
  'https://a;script-src',
  'https://u:p@a',
])('what is no origin is refused by its name: %s', (text) => {
  expect(() => readSettings({ ODEON_ORIGINS: text })).toThrow(/ODEON_ORIGINS.*wanted: https:\/\/host:port/)
})

test('trusted proxies are addresses, subnets and names, with commas; nobody is one unless told', () => {
  const { ODEON_TRUSTED_PROXIES } = readSettings({ ODEON_TRUSTED_PROXIES: 'loopback, 10.1.0.0/16,' })
  expect(ODEON_TRUSTED_PROXIES).toEqual(['loopback', '10.1.0.0/16'])
  expect(readSettings({}).ODEON_TRUSTED_PROXIES).toEqual([])
  expect(() => readSettings({ ODEON_TRUSTED_PROXIES: 'edge' })).toThrow(
    /ODEON_TRUSTED_PROXIES.*"edge" is none/,
  )
})
