import { computed, readonly, shallowRef } from 'vue'
import * as z from 'zod/mini'
import { call, read } from './http.ts'

/** Who I am to this server: a name and a token, kept in the browser. */

const Session = z.object({ token: z.string(), user: z.object({ id: z.string(), name: z.string() }) })
export type Session = z.infer<typeof Session>

const KEY = 'odeon:session'

/** A browser may forbid storage; then the name lasts as long as the page. */
function kept(): Session | undefined {
  try {
    return Session.safeParse(JSON.parse(localStorage.getItem(KEY) ?? 'null')).data
  } catch {
    return undefined
  }
}

const current = shallowRef<Session | undefined>(kept())

export const session = readonly(current)
export const myName = computed(() => current.value?.user.name ?? '')
export const myId = computed(() => current.value?.user.id)
export const token = (): string | undefined => current.value?.token

/** Takes a name; the id stays the same under a new one. Throws `ApiError`. */
export async function introduce(name: string): Promise<Session> {
  const response = await call('/api/session', { method: 'POST', body: { name }, token: token() })
  return keep(await read(Session, response))
}

/** The session there is, if it bears the name; else a new one. */
export const introduced = (name: string): Promise<Session> =>
  current.value?.user.name === name ? Promise.resolve(current.value) : introduce(name)

/** The server does not know the token any more: the same name, once more. */
export async function renew(): Promise<Session | undefined> {
  const name = current.value?.user.name
  current.value = undefined
  return name === undefined ? undefined : introduce(name)
}

function keep(session: Session): Session {
  current.value = session
  try {
    localStorage.setItem(KEY, JSON.stringify(session))
  } catch {
    // Kept in this page alone.
  }
  return session
}
