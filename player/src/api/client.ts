import { Post, type Reaction } from '@odeon/common/posts.ts'
import type * as z from 'zod/mini'
import { ApiError, request, requestJson, type RequestOptions } from './http.ts'
import { passingToken, session, signIn } from './session.ts'
import {
  Archive,
  Audience,
  MyRole,
  Reports,
  SpaceList,
  SpaceView,
  type Report,
  type RoleInSpace,
} from './views.ts'

export { ApiError }
export type { Archive, Report, RoleInSpace, SpaceView } from './views.ts'

export const at = (id: string, rest = ''): string => `/api/spaces/${encodeURIComponent(id)}${rest}`

/** Asks as whom this browser is known. One whom the server no longer knows gets a new identity under his name, and asks again. */
export async function asMe<T>(
  ask: (path: string, options: RequestOptions) => Promise<T>,
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  const { token, user } = session.value ?? {}
  try {
    return await ask(path, { ...options, token })
  } catch (error) {
    if (!user || !(error instanceof ApiError) || error.status !== 401) throw error
    if (session.value?.token === token) await signIn(user.name)
    return ask(path, { ...options, token: session.value?.token })
  }
}

/** Asks under the reader's name, or for what needs none, as a guest of the moment. */
const asAnyone = async (path: string, options: RequestOptions): Promise<Response> =>
  session.value ? asMe(request, path, options) : request(path, { ...options, token: await passingToken() })

export const post = (body?: unknown): RequestOptions => ({ method: 'POST', body })
export const json =
  <T>(schema: z.ZodMiniType<T>) =>
  (path: string, options?: RequestOptions): Promise<T> =>
    requestJson(schema, path, options)

/** The control plane and what the origin tells in JSON. Everything throws ApiError. */
export const api = {
  async spaces(state?: SpaceView['state']): Promise<SpaceView[]> {
    const { spaces } = await requestJson(SpaceList, `/api/spaces${state ? `?state=${state}` : ''}`)
    return spaces
  },
  space: (id: string): Promise<SpaceView> => requestJson(SpaceView, at(id)),
  /** `scheduledFor`: epoch ms. */
  createSpace: (space: { title: string; scheduledFor?: number }): Promise<SpaceView> =>
    asMe(json(SpaceView), '/api/spaces', post(space)),
  start: (id: string): Promise<SpaceView> => asMe(json(SpaceView), at(id, '/start'), post()),
  end: (id: string): Promise<SpaceView> => asMe(json(SpaceView), at(id, '/end'), post()),
  /** A listener, if this browser has no identity yet. */
  async me(id: string): Promise<RoleInSpace> {
    if (!session.value) return 'listener'
    return (await asMe(json(MyRole), at(id, '/me'))).role
  },
  /** His hand is up. */
  async isHandUp(id: string): Promise<boolean> {
    return session.value !== null && (await asMe(json(MyRole), at(id, '/me'))).hand === true
  },
  async takeInvite(id: string, code: string): Promise<RoleInSpace> {
    return (await asMe(json(MyRole), at(id, '/speakers'), post({ invite: code }))).role
  },
  /** Where everyone may speak. */
  async enterStage(id: string): Promise<RoleInSpace> {
    return (await asMe(json(MyRole), at(id, '/speakers'), post({}))).role
  },
  async raiseHand(id: string): Promise<void> {
    await asMe(request, at(id, '/hands'), post())
  },
  async lowerHand(id: string): Promise<void> {
    const me = session.value?.user.id ?? ''
    await asMe(request, at(id, `/hands/${encodeURIComponent(me)}`), { method: 'DELETE' })
  },
  async mute(id: string, userId: string, muted: boolean): Promise<void> {
    await asMe(request, at(id, `/speakers/${encodeURIComponent(userId)}/mute`), post({ muted }))
  },
  /** What a listener says who was asked onto the stage. */
  async answerInvitation(id: string, yes: boolean): Promise<RoleInSpace> {
    return (await asMe(json(MyRole), at(id, '/invitation'), post({ yes }))).role
  },
  /** He listens: hosts may see his name, and ask him onto the stage. */
  async here(id: string): Promise<void> {
    await asMe(request, at(id, '/here'), post())
  },
  /** A JPEG, PNG or WebP. */
  async setFace(picture: Blob): Promise<void> {
    const options = { method: 'PUT', body: picture, type: picture.type, timeoutMs: 30_000 }
    await asMe(request, '/api/me/face', options)
  },
  async removeFace(): Promise<void> {
    await asMe(request, '/api/me/face', { method: 'DELETE' })
  },
  /** The same `key` again is the same post. */
  post: (id: string, text: string, key: string): Promise<Post> =>
    asMe(json(Post), at(id, '/posts'), post({ text, key })),
  async removePost(id: string, postId: string): Promise<void> {
    await asMe(request, at(id, `/posts/${encodeURIComponent(postId)}`), { method: 'DELETE' })
  },
  /** Null takes the pin away. */
  async pin(id: string, postId: string | null): Promise<void> {
    const options = postId === null ? { method: 'DELETE' } : { method: 'PUT', body: { post: postId } }
    await asMe(request, at(id, '/pin'), options)
  },
  /** Needs no name. `count` at most 20. */
  async react(id: string, emoji: Reaction, count: number): Promise<void> {
    await asAnyone(at(id, '/reactions'), post({ emoji, count }))
  },
  /** Needs no name. */
  async report(id: string, about: { what: Report['what']; id?: string; why: string }): Promise<void> {
    await asAnyone(at(id, '/reports'), post(about))
  },
  async reports(id: string): Promise<Report[]> {
    return (await asMe(json(Reports), at(id, '/reports'))).reports
  },
  /** As estimated by the origin. */
  audience: (id: string): Promise<Audience> =>
    requestJson(Audience, `/live/${encodeURIComponent(id)}/audience.json`),
  archive: (id: string): Promise<Archive> =>
    requestJson(Archive, `/replay/${encodeURIComponent(id)}/archive.json`),
}
