import * as z from 'zod/mini'
import { asMe, at, json, post } from '../api/client.ts'
import { request } from '../api/http.ts'

/** What hosts, co-hosts and speakers ask of the control plane. Everything throws ApiError. */

/** A link as its hosts see it. Times are epoch ms. */
export const Link = z.object({
  code: z.string(),
  role: z.enum(['speaker', 'listener']),
  url: z.string(),
  createdAt: z.number(),
  uses: z.number(),
  maxUses: z.optional(z.number()),
  expiresAt: z.optional(z.number()),
  /** Neither used up nor over. */
  good: z.boolean(),
})
export type Link = z.infer<typeof Link>
const Links = z.object({ invites: z.array(Link) })

/** Who can't come on stage: for good, or until a host lets him. */
export const Ban = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['removed', 'banned']),
  at: z.number(),
})
export type Ban = z.infer<typeof Ban>
const Bans = z.object({ bans: z.array(Ban) })

const absolute = <L extends Link>(link: L): L => ({ ...link, url: new URL(link.url, location.href).href })
const user = (path: string, id: string): string => `${path}/${encodeURIComponent(id)}`

export const hostApi = {
  async links(id: string): Promise<Link[]> {
    return (await asMe(json(Links), at(id, '/invites'))).invites.map(absolute)
  },
  /** `lifetime`: seconds. */
  async makeLink(id: string, limits: { maxUses?: number; lifetime?: number } = {}): Promise<Link> {
    return absolute(await asMe(json(Link), at(id, '/invites'), post({ role: 'speaker', ...limits })))
  },
  /** Who came by it is off the stage. */
  async revokeLink(id: string, code: string): Promise<void> {
    await asMe(request, at(id, user('/invites', code)), { method: 'DELETE' })
  },
  async invite(id: string, who: { id: string; name: string }): Promise<void> {
    await asMe(request, at(id, user('/invitations', who.id)), { method: 'PUT', body: { name: who.name } })
  },
  async mute(id: string, who: string, how: { muted: boolean; lock?: boolean }): Promise<void> {
    await asMe(request, at(id, `${user('/speakers', who)}/mute`), post(how))
  },
  async muteAll(id: string, lock: boolean): Promise<void> {
    await asMe(request, at(id, '/mute-all'), post({ lock }))
  },
  /** As a host: hands the space over. */
  async makeRole(id: string, who: string, role: 'host' | 'cohost' | 'speaker'): Promise<void> {
    await asMe(request, at(id, `${user('/speakers', who)}/role`), { method: 'PUT', body: { role } })
  },
  /** `forGood`: he comes back only when a host lets him. */
  async takeDown(id: string, who: string, forGood: boolean): Promise<void> {
    await asMe(request, at(id, `${user('/speakers', who)}${forGood ? '?remove=1' : ''}`), {
      method: 'DELETE',
    })
  },
  /** From this space, its replay and wherever else it is seen. */
  async takeFace(id: string, who: string): Promise<void> {
    await asMe(request, at(id, `${user('/speakers', who)}/face`), { method: 'DELETE' })
  },
  async ban(id: string, who: string): Promise<void> {
    await asMe(request, at(id, user('/bans', who)), { method: 'PUT', body: {} })
  },
  async unban(id: string, who: string): Promise<void> {
    await asMe(request, at(id, user('/bans', who)), { method: 'DELETE' })
  },
  async bans(id: string): Promise<Ban[]> {
    return (await asMe(json(Bans), at(id, '/bans'))).bans
  },
}
