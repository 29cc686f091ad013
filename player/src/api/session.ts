import { readonly, shallowRef, type Ref } from 'vue'
import * as z from 'zod/mini'
import { requestJson } from './http.ts'

/** Who this browser is: a guest with a name, kept from visit to visit. */
export type Session = z.infer<typeof Session>
const Session = z.object({
  token: z.string(),
  user: z.object({ id: z.string(), name: z.string() }),
})

const KEY = 'odeon.session'

const current = shallowRef<Session | null>(restore())

export const session: Readonly<Ref<Session | null>> = readonly(current) as Readonly<Ref<Session | null>>

/** Makes an identity, or gives the present one another name. Throws ApiError. */
export async function signIn(name: string): Promise<void> {
  const options = { method: 'POST', body: { name }, token: current.value?.token }
  current.value = await requestJson(Session, '/api/session', options).catch((error: unknown) => {
    if (!options.token) throw error
    return requestJson(Session, '/api/session', { ...options, token: undefined }) // The old token may have expired.
  })
  try {
    localStorage.setItem(KEY, JSON.stringify(current.value))
  } catch {
    // Storage is full or forbidden: the identity lasts as long as the page.
  }
}

let passing: Promise<string> | undefined

/** For what needs no name, as a reaction: an identity that lasts as long as the page. Throws ApiError. */
export function passingToken(): Promise<string> {
  passing ??= requestJson(Session, '/api/session', { method: 'POST', body: { name: 'Guest' } }).then(
    ({ token }) => token,
    (error: unknown) => {
      passing = undefined
      throw error
    },
  )
  return passing
}

function restore(): Session | null {
  try {
    return Session.parse(JSON.parse(localStorage.getItem(KEY) ?? 'null'))
  } catch {
    return null
  }
}
