import { request, requestJson, type RequestOptions } from './http.ts'
import { session } from './session.ts'
import { Archive, Audience, Invite, MyRole, SpaceList, SpaceView, type RoleInSpace } from './views.ts'

export { ApiError } from './http.ts'
export type { Archive, RoleInSpace, SpaceView } from './views.ts'

const at = (id: string, rest = ''): string => `/api/spaces/${encodeURIComponent(id)}${rest}`

/** As whom this browser is known. */
const mine = (options: RequestOptions = {}): RequestOptions => ({ ...options, token: session.value?.token })
const post = (body?: unknown): RequestOptions => mine({ method: 'POST', body })

/** The control plane and what the origin tells in JSON. Everything throws ApiError. */
export const api = {
  async spaces(state?: SpaceView['state']): Promise<SpaceView[]> {
    const { spaces } = await requestJson(SpaceList, `/api/spaces${state ? `?state=${state}` : ''}`)
    return spaces
  },
  space: (id: string): Promise<SpaceView> => requestJson(SpaceView, at(id)),
  /** `scheduledFor`: epoch ms. */
  createSpace: (space: { title: string; scheduledFor?: number }): Promise<SpaceView> =>
    requestJson(SpaceView, '/api/spaces', post(space)),
  start: (id: string): Promise<SpaceView> => requestJson(SpaceView, at(id, '/start'), post()),
  end: (id: string): Promise<SpaceView> => requestJson(SpaceView, at(id, '/end'), post()),
  /** A listener, if this browser has no identity yet. */
  async me(id: string): Promise<RoleInSpace> {
    if (!session.value) return 'listener'
    return (await requestJson(MyRole, at(id, '/me'), mine())).role
  },
  /** An absolute link that lets its bearer onto the stage. */
  async invite(id: string): Promise<{ url: string }> {
    const { url } = await requestJson(Invite, at(id, '/invites'), post({ role: 'speaker' }))
    return { url: new URL(url, location.href).href }
  },
  async takeInvite(id: string, code: string): Promise<RoleInSpace> {
    return (await requestJson(MyRole, at(id, '/speakers'), post({ invite: code }))).role
  },
  async mute(id: string, userId: string, muted: boolean): Promise<void> {
    await request(at(id, `/speakers/${encodeURIComponent(userId)}/mute`), post({ muted }))
  },
  async removeSpeaker(id: string, userId: string): Promise<void> {
    await request(at(id, `/speakers/${encodeURIComponent(userId)}`), mine({ method: 'DELETE' }))
  },
  /** How many listen, as estimated by the origin. */
  async audience(id: string): Promise<number> {
    return (await requestJson(Audience, `/live/${encodeURIComponent(id)}/audience.json`)).listeners
  },
  archive: (id: string): Promise<Archive> =>
    requestJson(Archive, `/replay/${encodeURIComponent(id)}/archive.json`),
}
