/** STUN and TURN servers, as WHIP tells them: Link headers, RFC 9725 §4.6. What is none of these is passed over. */
export function iceServersOf(links: string | null): RTCIceServer[] {
  return [...(links ?? '').matchAll(/<((?:stun|turn)s?:[^>]+)>((?:;[^;,"]*(?:"[^"]*")?)*)/g)].flatMap(
    ([, urls, parameters]) => {
      const of = (name: string): string | undefined =>
        new RegExp(`;\\s*${name}="([^"]*)"`).exec(parameters!)?.[1]
      if (of('rel') !== 'ice-server') return []
      const [username, credential] = [of('username'), of('credential')]
      return [{ urls: urls!, ...(username && credential && { username, credential }) }]
    },
  )
}
