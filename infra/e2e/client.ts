import { connectSpeaker, type SpeakerOptions, type WhipSpeaker } from '@odeon/ingest/werift-speaker.ts'
import type { ErrorBody } from '@odeon/common/errors.ts'
import type { Sound } from '@odeon/common/internal.ts'

/** The HTTP API as a program uses it, for tests and benches. */

export interface Reply<T> {
  status: number
  headers: Headers
  body: T
}

export async function call<T = ErrorBody & Record<string, unknown>>(
  url: string,
  method: string,
  body?: unknown,
  token?: string,
): Promise<Reply<T>> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text) as T,
  }
}

export interface Guest {
  token: string
  user: { id: string; name: string }
}

export const newGuest = async (base: string, name: string): Promise<Guest> =>
  (await call<Guest>(`${base}/api/session`, 'POST', { name })).body

/** A space that is live, and its host. */
export async function openSpace(base: string, title: string): Promise<{ id: string; host: Guest }> {
  const host = await newGuest(base, 'Host')
  const { body } = await call<{ id: string }>(`${base}/api/spaces`, 'POST', { title }, host.token)
  const started = await call(`${base}/api/spaces/${body.id}/start`, 'POST', undefined, host.token)
  if (started.status !== 200) throw new Error(`the space did not start: ${JSON.stringify(started.body)}`)
  return { id: body.id, host }
}

/** Somebody whom the host has invited to speak. */
export async function newSpeaker(base: string, space: string, host: Guest, name: string): Promise<Guest> {
  const guest = await newGuest(base, name)
  const invites = `${base}/api/spaces/${space}/invites`
  const invite = await call<{ code: string }>(invites, 'POST', { role: 'speaker' }, host.token)
  await call(`${base}/api/spaces/${space}/speakers`, 'POST', { invite: invite.body.code }, guest.token)
  return guest
}

/** Goes on stage over WHIP without a browser; as music, unless told otherwise, since a gate would take a steady tone for a room's noise. */
export function goOnStage(
  base: string,
  space: string,
  token: string,
  {
    sound = 'music',
    ready = false,
    ...options
  }: Omit<SpeakerOptions, 'post'> & {
    sound?: Sound
    /** As a listener whose hand is up. */ ready?: boolean
  } = {},
): Promise<WhipSpeaker> {
  return connectSpeaker({
    ...options,
    async post(offer) {
      const response = await fetch(
        `${base}/api/spaces/${space}/whip?sound=${sound}${ready ? '&ready=1' : ''}`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token}` },
          body: offer,
        },
      )
      const answer = await response.text()
      if (response.status !== 201) throw new Error(`WHIP answered ${response.status}: ${answer}`)
      const location = new URL(response.headers.get('location')!, base)
      return {
        answer,
        async remove() {
          await fetch(location, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
        },
      }
    },
  })
}
